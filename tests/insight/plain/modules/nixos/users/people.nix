{ config, lib, pkgs, ... }:
let
  inherit (lib) mkEnableOption mkIf mkOption types;
  cfg = config.household.people;
in
{
  options.household.people = {
    enable = mkEnableOption "accounts for the people of the house";

    accounts = mkOption {
      description = "Who has an account.";
      default = { };
      type = types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options = {
              fullName = mkOption {
                type = types.str;
                default = name;
              };
              admin = mkEnableOption "becoming root";
              shell = lib.mkPackageOption pkgs "fish" { };
              keys = mkOption {
                type = types.listOf types.singleLineStr;
                default = [ ];
              };
            };
          }
        )
      );
    };
  };

  config = mkIf cfg.enable {
    users.users = lib.mapAttrs (_: account: {
      isNormalUser = true;
      description = account.fullName;
      extraGroups = lib.optional account.admin "wheel";
    }) ({ alice = { fullName = "Alice"; admin = false; }; } // cfg.accounts);
  };
}
