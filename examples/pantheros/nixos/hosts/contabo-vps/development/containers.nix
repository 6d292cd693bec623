# Written by pantherOS: pantherOS.development.containers of hosts/servers/contabo-vps/host.toml.
{ pkgs, ... }:
{
  virtualisation = {
    podman = {
      enable = true;
      defaultNetwork.settings.dns_enabled = true;
    };
    containers.storage.settings.storage.driver = "btrfs";
    oci-containers = {
      backend = "podman";
      containers.whoami = {
        image = "docker.io/traefik/whoami:v1.10";
        ports = [ "8080:80" ];
      };
    };
  };
  users.users.ada.autoSubUidGidRange = true;
  environment.variables.BUILDAH_LAYERS = "true";
  systemd = {
    tmpfiles.rules = [ "x /var/tmp/buildah-cache-*" ];
    services = {
      podman-whoami = {
        after = [ "container-ports.service" ];
        requires = [ "container-ports.service" ];
      };
      container-ports = {
        description = "Keep the ports of containers to the tailnet";
        wantedBy = [ "multi-user.target" ];
        before = [ "network-pre.target" ];
        wants = [ "network-pre.target" ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${pkgs.nftables}/bin/nft --file ${./containers/container-ports.nft}";
          ExecStop = "${pkgs.nftables}/bin/nft delete table inet container-ports";
        };
      };
    };
  };
}
