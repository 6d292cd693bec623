{ lib, ... }:
{
  imports = [
    ./locale.nix
    ./nix.nix
    ./menu.nix
  ];
  boot.tmp.cleanOnBoot = lib.mkDefault true;
}
