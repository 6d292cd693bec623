# Written by pantherOS: pantherOS.filesystems.disks of hosts/servers/ovh-vps/host.toml.
{
  disko.devices.disk.main = {
    type = "disk";
    device = "/dev/disk/by-path/pci-0000:00:04.0";
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
            };
          };
        };
      };
    };
  };
  zramSwap.enable = true;
}
