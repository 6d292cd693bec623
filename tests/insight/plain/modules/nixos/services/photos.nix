{ config, lib, pkgs, ... }:
let
  cfg = config.household.photos;
in
{
  options.household.photos = {
    enable = lib.mkEnableOption "the photo library";
    package = lib.mkPackageOption pkgs "immich" { };

    "größe".maximum = lib.mkOption {
      type = lib.types.int;
      default = 4096;
      description = ''
        How many megabytes a picture may have. Above it, ''${name} is refused.

        To see what is there, write
          imports = [ ./bridge.nix ../networking/bridge.nix ];
        nowhere at all: this is text, with { a brace, and one; more.
      '';
    };

    "sort by" = lib.mkOption {
      type = lib.types.functionTo (lib.types.listOf lib.types.str);
      default = albums: builtins.sort (a: b: a < b) (builtins.attrNames albums);
      defaultText = lib.literalExpression "by name";
      description = "In what order albums are shown: \"by name\" {or otherwise}.";
    };
  };

  config = lib.mkIf cfg.enable {
    sops.secrets."photos/database" = {
      owner = "photos";
      sopsFile = ../../../secrets/alder.yaml;
    };
    users.users.photos = {
      isSystemUser = true;
      group = "photos";
    };
    users.groups.photos = { };
    systemd.services.photos = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = lib.getExe cfg.package;
      serviceConfig.EnvironmentFile = config.sops.secrets."photos/database".path;
    };
  };
}
