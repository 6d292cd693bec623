# A stick to start broken machines from: a name in the flake without a directory here.
{ lib, pkgs, ... }:
{
  imports = [ ../modules/nixos/roles/server.nix ];
  networking.hostName = "rescue";
  environment.systemPackages = [ pkgs.gptfdisk ];
  networking.wireless.enable = lib.mkForce false;
}
