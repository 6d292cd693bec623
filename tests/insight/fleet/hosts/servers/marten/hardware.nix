{
  imports = [ ../../../modules/nixos/common/virtio.nix ];
  hardware.enableRedistributableFirmware = false;
}
