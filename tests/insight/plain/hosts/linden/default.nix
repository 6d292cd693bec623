# Bob's desk.
{ self, ... }:
{
  imports = [
    ../common
    ./hardware.nix
    ./disks.nix
    ./users.nix
    "${self}/modules/nixos/roles/workstation.nix"
    "${self}/modules/nixos/security/ssh.nix"
  ];

  networking.hostName = "linden-desk";
  virtualisation.podman.enable = true;
  services.tailscale.enable = false; # until everybody has agreed
}
