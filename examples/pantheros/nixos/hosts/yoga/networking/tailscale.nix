# Written by pantherOS: pantherOS.networking.tailscale of hosts/yoga/host.toml.
{ config, ... }:
{
  services = {
    tailscale = {
      enable = true;
      useRoutingFeatures = "client";
      authKeyFile = config.services.onepassword-secrets.secretPaths.tailscaleLaptop;
      extraUpFlags = [
        "--reset"
        "--accept-routes"
      ];
      extraSetFlags = [
        "--accept-dns"
        "--accept-routes"
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
