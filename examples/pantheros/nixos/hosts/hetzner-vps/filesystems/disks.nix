# Written by pantherOS: pantherOS.filesystems.disks of hosts/servers/hetzner-vps/host.toml.
{ pkgs, ... }:
{
  disko.devices.disk.main = {
    type = "disk";
    device = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_12345678";
    content = {
      type = "gpt";
      partitions = {
        bios = {
          size = "1M";
          type = "EF02";
        };
        boot = {
          size = "1G";
          content = {
            type = "filesystem";
            format = "ext4";
            mountpoint = "/boot";
          };
        };
        system = {
          size = "100%";
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
      requires = [ "dev-disk-by\\x2dpartlabel-disk\\x2dmain\\x2dsystem.device" ];
      after = [ "dev-disk-by\\x2dpartlabel-disk\\x2dmain\\x2dsystem.device" ];
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
        ExecStart = "${pkgs.bash}/bin/bash ${./disks/make-volumes} /dev/disk/by-partlabel/disk-main-system var-lib-containers=no-cow";
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
