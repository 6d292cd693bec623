{
  disko.devices = {
    disk.one = {
      type = "disk";
      device = "/dev/disk/by-id/scsi-EXAMPLE_ONE";
      content.type = "gpt";
      content.partitions.root = {
        size = "100%";
        content = { type = "filesystem"; format = "xfs"; mountpoint = "/"; };
      };
    };
  };
}
