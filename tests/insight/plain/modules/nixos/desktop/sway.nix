{ config, lib, pkgs, ... }:
{
  options.household.desktop.sway = {
    enable = lib.mkEnableOption "Sway" // { default = true; };
    terminal = lib.mkOption {
      type = lib.types.package;
      default = pkgs.foot;
    };
  };
  config.programs.sway.enable = config.household.desktop.sway.enable;
}
