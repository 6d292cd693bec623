# Does not parse: a semicolon and a brace are missing.
{ config, lib, ... }:
{
  options.household.vpn.enable = lib.mkEnableOption "the VPN";

  config = lib.mkIf config.household.vpn.enable {
    networking.wireguard.enable = true
    networking.firewall.allowedUDPPorts = [ 51820 ];
  ;
}
