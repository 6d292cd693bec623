# Written by pantherOS: pantherOS.development.containers of hosts/zephyrus/host.nix.
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
      dockerCompat = true;
      defaultNetwork.settings.dns_enabled = true;
    };
    containers = {
      storage.settings.storage.driver = "btrfs";
      containersConf.settings.engine = {
        compose_providers = [ "${pkgs.podman-compose}/bin/podman-compose" ];
        compose_warning_logs = false;
      };
    };
  };
  users.users.ada.autoSubUidGidRange = true;
  environment = {
    extraInit = ''
      if [ -z "$DOCKER_HOST" ] && [ -S "$XDG_RUNTIME_DIR/podman/podman.sock" ]; then
        export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/podman/podman.sock"
        export DOCKER_SOCK="$XDG_RUNTIME_DIR/podman/podman.sock"
      fi
    '';
    variables = {
      BUILDAH_LAYERS = "true";
      COMPOSE_PARALLEL_LIMIT = "8";
    };
    etc."containers/podman-front".source = ./containers/podman-front;
    systemPackages = [
      (lib.hiPrio (pkgs.writeShellScriptBin "podman" ''exec /etc/containers/podman-front ${config.virtualisation.podman.package}/bin/podman "$@"''))
      (lib.hiPrio (pkgs.writeShellScriptBin "docker" ''exec /etc/containers/podman-front ${config.virtualisation.podman.package}/bin/podman "$@"''))
      pkgs.kubectl
      pkgs.kubernetes-helm
      pkgs.k9s
      pkgs.kind
      pkgs.podman-compose
      pkgs.devcontainer
    ];
    sessionVariables.KIND_EXPERIMENTAL_PROVIDER = "podman";
  };
  systemd = {
    tmpfiles.rules = [ "x /var/tmp/buildah-cache-*" ];
    services."user@".serviceConfig.Delegate = "cpu cpuset io memory pids";
  };
  boot.binfmt = {
    emulatedSystems = [ "aarch64-linux" ];
    preferStaticEmulators = true;
  };
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
