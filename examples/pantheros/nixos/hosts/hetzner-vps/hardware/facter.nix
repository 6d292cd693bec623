# Written by pantherOS: pantherOS.hardware.facter of hosts/servers/hetzner-vps/host.toml.
{
  hardware.facter.reportPath = ../../../files/hosts/servers/hetzner-vps/facter.json;
  boot.initrd.availableKernelModules = [ "virtio_scsi" ];
  services.qemuGuest.enable = true;
}
