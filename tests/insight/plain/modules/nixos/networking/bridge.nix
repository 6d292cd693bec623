# Nix refuses it at once: one attribute is there twice. A grammar alone does not see it.
{ lib, ... }:
{
  options.household.bridge.enable = lib.mkEnableOption "a bridge for guests";

  config = {
    networking.useDHCP = false;
    networking.bridges.guests.interfaces = [ "eth1" ];
    networking.useDHCP = true;
  };
}
