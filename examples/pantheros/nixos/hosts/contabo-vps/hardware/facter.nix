# Written by pantherOS: pantherOS.hardware.facter of hosts/servers/contabo-vps/host.toml.
{
  hardware.facter.reportPath = ../../../files/hosts/servers/contabo-vps/facter.json;
  boot.initrd.availableKernelModules = [ "virtio_scsi" ];
  services.qemuGuest.enable = true;
}
