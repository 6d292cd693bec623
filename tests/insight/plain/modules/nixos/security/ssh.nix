{ lib, config, ... }:
let
  cfg = config.household.ssh;
in
{
  options = {
    household = {
      ssh = {
        passwords = lib.mkEnableOption "logging in with passwords";
        listen = lib.mkOption {
          default = [ ];
          type = lib.types.listOf (
            lib.types.submodule {
              options = {
                address = lib.mkOption { type = lib.types.str; };
                port = lib.mkOption {
                  type = lib.types.port;
                  default = 22;
                };
              };
            }
          );
        };
      };
    };
  };

  config.services.openssh.settings = {
    PasswordAuthentication = cfg.passwords;
    PermitRootLogin = "no";
  };
}
