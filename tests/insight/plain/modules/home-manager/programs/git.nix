{ config, lib, ... }:
with lib;
{
  options.household.home.git = {
    email = mkOption {
      type = types.str;
      example = "alice@example.org";
    };
    "sign off" = mkEnableOption "a line below each commit";
  };
  config.programs.git = {
    enable = true;
    userEmail = config.household.home.git.email;
  };
}
