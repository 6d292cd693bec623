# Written by pantherOS: pantherOS.development.containers of hosts/servers/hetzner-vps/host.toml.
{ pkgs, ... }:
{
  virtualisation = {
    podman = {
      enable = true;
      autoPrune = {
        enable = true;
        dates = "weekly";
        flags = [ "--filter=until=168h" ];
      };
      defaultNetwork.settings.dns_enabled = true;
    };
    containers.storage.settings.storage.driver = "btrfs";
  };
  users.users.ada.autoSubUidGidRange = true;
  environment.variables.BUILDAH_LAYERS = "true";
  systemd.tmpfiles.rules = [ "x /var/tmp/buildah-cache-*" ];
  home-manager.users.ada =
    { config, ... }:
    {
      systemd.user = {
        services = {
          registry-login-ghcr-io = {
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
          podman-prune = {
            Unit.Description = "Clean up containers and images";
            Service = {
              Type = "oneshot";
              ExecStart = "/run/current-system/sw/bin/podman system prune --force --filter=until=168h";
            };
          };
        };
        timers.podman-prune = {
          Unit.Description = "Clean up containers and images";
          Timer = {
            OnCalendar = "weekly";
            Persistent = true;
            RandomizedDelaySec = "30m";
          };
          Install.WantedBy = [ "timers.target" ];
        };
      };
    };
}
