# The old laptop: not in the flake, and nobody has an account on it yet.
{ ... }:
{
  imports = [
    ../common
    ./hardware.nix
    ../../modules/nixos/roles/workstation.nix
  ];

  networking.hostName = "rowan";
  services.upower.enable = true;
  /*
    home-manager.users.alice = import ../../home/alice;
    users.users.alice.isNormalUser = true;
  */
}
