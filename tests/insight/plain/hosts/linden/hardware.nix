{ lib, ... }:
{
  boot.initrd.availableKernelModules = [ "ahci" "nvme" "usbhid" ];
  hardware.graphics.enable = true;
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
}
