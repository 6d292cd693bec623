{ config, lib, ... }:
let
  inherit (lib) mkOption;
  t = lib.types;

  location = t.submodule {
    options.path = mkOption { type = t.str; };
    options.target = mkOption {
      type = t.either t.str t.port;
      description = "Where it leads.";
    };
  };

  site = {
    options = {
      port = mkOption {
        type = t.port;
        default = 80;
      };
      locations = mkOption {
        type = t.listOf location;
        default = [ ];
      };
      tls = mkOption {
        default = null;
        type = t.nullOr (t.submodule { options.certificate = mkOption { type = t.path; }; });
      };
    };
  };
in
{
  options = {
    services.web = {
      sites = mkOption {
        type = t.attrsOf (t.submodule site);
        default = { };
        description = "Pages of the house.";
      };
      extra."access.log" = mkOption {
        type = t.nullOr t.path;
        default = null;
      };
    };
  };

  config = lib.mkMerge [
    (lib.mkIf (config.services.web.sites != { }) {
      services.nginx.enable = true;
      services.nginx.virtualHosts = lib.mapAttrs (_: s: {
        listen = [ { addr = "0.0.0.0"; inherit (s) port; } ];
      }) config.services.web.sites;
    })
  ];
}
