# Written by pantherOS: pantherOS.filesystems.disks of hosts/yoga/host.toml.
{ pkgs, ... }:
{
  disko.devices.disk.main = {
    type = "disk";
    device = "/dev/disk/by-id/nvme-EXAMPLE_SSD_512G_Y1";
    content = {
      type = "gpt";
      partitions = {
        ESP = {
          size = "1G";
          type = "EF00";
          content = {
            type = "filesystem";
            format = "vfat";
            mountpoint = "/boot";
            mountOptions = [ "umask=0077" ];
          };
        };
        system = {
          size = "100%";
          content = {
            type = "luks";
            name = "crypted";
            settings.allowDiscards = true;
            content = {
              type = "btrfs";
              extraArgs = [ "-f" ];
              subvolumes = {
                root = {
                  mountpoint = "/";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                nix = {
                  mountpoint = "/nix";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                home = {
                  mountpoint = "/home";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                persist = {
                  mountpoint = "/persist";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                log = {
                  mountpoint = "/var/log";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                snapshots = {
                  mountpoint = "/.snapshots";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                var-lib-containers = {
                  mountpoint = "/var/lib/containers";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                };
                swap = {
                  mountpoint = "/.swap";
                  mountOptions = [
                    "compress=zstd"
                    "noatime"
                    "discard=async"
                  ];
                  swap.swapfile.size = "16G";
                };
              };
            };
          };
        };
      };
    };
  };
  zramSwap.enable = true;
  systemd = {
    services.volumes-main = {
      description = "Btrfs volumes of the disk main";
      unitConfig.DefaultDependencies = false;
      requires = [ "dev-mapper-crypted.device" ];
      after = [ "dev-mapper-crypted.device" ];
      requiredBy = [ "var-lib-containers.mount" ];
      before = [
        "var-lib-containers.mount"
        "shutdown.target"
      ];
      conflicts = [ "shutdown.target" ];
      path = [
        pkgs.btrfs-progs
        pkgs.e2fsprogs
        pkgs.util-linux
      ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${pkgs.bash}/bin/bash ${./disks/make-volumes} /dev/mapper/crypted var-lib-containers=no-cow";
      };
    };
    tmpfiles.settings.volumes = {
      "/home/ada/.local".d = {
        user = ":ada";
        group = ":users";
        mode = ":0755";
      };
      "/home/ada/.local/share".d = {
        user = ":ada";
        group = ":users";
        mode = ":0755";
      };
      "/home/ada/.local/share/containers" = {
        d = {
          user = ":ada";
          group = ":users";
          mode = ":0755";
        };
        h.argument = "+C";
      };
    };
  };
}
