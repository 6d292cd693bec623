{ disks ? [ "/dev/disk/by-id/ata-EXAMPLE_1T" ], ... }:
{
  disko.devices.disk = builtins.listToAttrs (
    map (device: {
      name = baseNameOf device;
      value = {
        inherit device;
        type = "disk";
        content.type = "gpt";
        content.partitions.root = {
          size = "100%";
          content = { type = "btrfs"; mountpoint = "/"; };
        };
      };
    }) disks
  );
}
