# Nobody imports this one.
{ config, lib, ... }:
{
  imports = [ ./dns-zones.nix ];
  options.household.dns.enable = lib.mkEnableOption "a resolver for the house";
  config = lib.mkIf config.household.dns.enable {
    services.unbound.enable = true;
  };
}
