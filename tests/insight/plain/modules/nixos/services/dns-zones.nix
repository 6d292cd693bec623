# Imported by one that nobody imports.
{ lib, ... }:
{
  options.household.dns.zones = lib.mkOption {
    type = with lib.types; attrsOf (listOf (submodule { options.record = lib.mkOption { type = str; }; }));
    default = { };
  };
}
