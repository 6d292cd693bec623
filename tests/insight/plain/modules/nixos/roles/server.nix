# A machine without a screen.
# imports = [ ../services/dns.nix ../networking/bridge.nix ];
{ lib, ... }:
{
  networking.firewall.enable = true;
  documentation.enable = lib.mkDefault false;
  powerManagement.cpuFreqGovernor = "performance";
  environment.variables.HINT = "see import ../networking/bridge.nix";
}
