# Alice's laptop.
{ lib, inputs, ... }:
{
  imports = [
    ../common
    ./hardware-configuration.nix
    ./disks.nix
    ../../modules/nixos/roles/workstation.nix
    inputs.nixos-hardware.nixosModules.common-pc-laptop
  ];

  networking.hostName = "hazel";
  household.people.enable = lib.mkDefault true;
  services.tlp.enable = true;
  services.printing.enable = false;

  home-manager = {
    useGlobalPkgs = true;
    users.alice = import ../../home/alice;
  };
}
