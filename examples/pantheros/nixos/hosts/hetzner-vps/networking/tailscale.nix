# Written by pantherOS: pantherOS.networking.tailscale of hosts/servers/hetzner-vps/host.toml.
{ config, pkgs, ... }:
{
  services = {
    tailscale = {
      enable = true;
      useRoutingFeatures = "server";
      authKeyFile = config.services.onepassword-secrets.secretPaths.tailscaleServer;
      extraUpFlags = [
        "--reset"
        "--advertise-tags=tag:server"
        "--advertise-exit-node"
      ];
      extraSetFlags = [
        "--accept-dns"
        "--accept-routes=false"
        "--advertise-exit-node"
        "--advertise-routes="
        "--ssh=false"
        "--shields-up=false"
      ];
    };
    resolved.enable = true;
  };
  systemd.services = {
    tailscaled-set.after = [ "tailscaled-autoconnect.service" ];
    tailscale-udp-gro = {
      description = "UDP offloading for traffic that Tailscale passes on";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      path = [
        pkgs.ethtool
        pkgs.iproute2
      ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${pkgs.bash}/bin/bash ${./tailscale/udp-gro.sh}";
      };
    };
  };
}
