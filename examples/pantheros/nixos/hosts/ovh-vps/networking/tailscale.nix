# Written by pantherOS: pantherOS.networking.tailscale of hosts/servers/ovh-vps/host.toml.
{ config, ... }:
{
  services = {
    tailscale = {
      enable = true;
      authKeyFile = config.services.onepassword-secrets.secretPaths.tailscaleServer;
      extraUpFlags = [
        "--reset"
        "--advertise-tags=tag:server"
      ];
      extraSetFlags = [
        "--accept-dns"
        "--accept-routes=false"
        "--advertise-exit-node=false"
        "--advertise-routes="
        "--ssh=false"
        "--shields-up=false"
      ];
    };
    resolved.enable = true;
  };
  systemd.services.tailscaled-set.after = [ "tailscaled-autoconnect.service" ];
}
