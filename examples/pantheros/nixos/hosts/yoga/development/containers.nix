# Written by pantherOS: pantherOS.development.containers of hosts/yoga/host.toml.
{
  config,
  lib,
  pkgs,
  ...
}:
{
  virtualisation = {
    podman = {
      enable = true;
      defaultNetwork.settings.dns_enabled = true;
    };
    containers.storage.settings.storage.driver = "btrfs";
  };
  users.users.ada.autoSubUidGidRange = true;
  environment = {
    variables = {
      BUILDAH_LAYERS = "true";
      COMPOSE_PARALLEL_LIMIT = "2";
    };
    etc."containers/podman-front".source = ./containers/podman-front;
    systemPackages = [ (lib.hiPrio (pkgs.writeShellScriptBin "podman" ''exec /etc/containers/podman-front ${config.virtualisation.podman.package}/bin/podman "$@"'')) ];
  };
  systemd.tmpfiles.rules = [ "x /var/tmp/buildah-cache-*" ];
  home-manager.users.ada =
    { config, ... }:
    {
      systemd.user.services.registry-login-ghcr-io = {
        Unit = {
          Description = "Log in to the container registry ghcr.io";
          StartLimitIntervalSec = 0;
        };
        Service = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${pkgs.skopeo}/bin/skopeo login --username ada --password-stdin ghcr.io";
          StandardInput = "file:${config.programs.onepassword-secrets.secretPaths.ghcrToken}";
          Restart = "on-failure";
          RestartSec = 20;
        };
        Install.WantedBy = [ "default.target" ];
      };
    };
}
