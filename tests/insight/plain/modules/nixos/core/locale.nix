{ config, lib, ... }:

with lib;

let
  cfg = config.household.locale;
in
{
  options.household.locale = {
    timeZone = mkOption {
      type = types.str;
      default = "Europe/Lisbon";
      description = "Where the house stands.";
    };
    language = mkOption {
      type = types.enum [ "en_GB.UTF-8" "pt_PT.UTF-8" ];
      default = "pt_PT.UTF-8";
      description = "What the machines speak – “olá”.";
    };
    keyboard.layout = mkOption { type = types.str; default = "pt"; };
  };

  config = {
    time.timeZone = cfg.timeZone;
    i18n.defaultLocale = cfg.language;
    console.keyMap = cfg.keyboard.layout;
  };
}
