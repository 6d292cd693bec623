{ lib, config, ... }:
{
  options.household.home.helix.theme = lib.mkOption {
    type = lib.types.str;
    default = (import ../../shared/colours/palette.nix).name;
    defaultText = lib.literalMD "the palette's";
  };
  config.programs.helix = {
    enable = true;
    settings.theme = config.household.home.helix.theme;
  };
}
