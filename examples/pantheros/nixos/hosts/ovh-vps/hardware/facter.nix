# Written by pantherOS: pantherOS.hardware.facter of hosts/servers/ovh-vps/host.toml.
{
  hardware.facter.reportPath = ../../../files/hosts/servers/ovh-vps/facter.json;
  boot.initrd.availableKernelModules = [ "virtio_scsi" ];
  services.qemuGuest.enable = true;
}
