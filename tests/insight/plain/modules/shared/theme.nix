{ lib, ... }:
let
  palette = import ./colours/palette.nix;
  colour = default: lib.mkOption { inherit default; type = lib.types.strMatching "#[0-9a-f]{6}"; };
in
{
  options.household.theme = {
    background = colour palette.background;
    foreground = colour palette.foreground;
  };
}
