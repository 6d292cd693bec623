# Nobody imports it yet.
{ lib, ... }:
{
  options.station.graphs.panels = lib.mkOption {
    default = { };
    type = lib.types.attrsOf (lib.types.submodule { options.title = lib.mkOption { type = lib.types.str; }; });
  };
}
