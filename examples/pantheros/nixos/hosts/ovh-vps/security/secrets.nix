# Written by pantherOS: pantherOS.security.secrets of hosts/servers/ovh-vps/host.toml.
{
  services.onepassword-secrets = {
    enable = true;
    secrets.tailscaleServer = {
      reference = "op://pantheros/tailscale/server-auth-key";
      owner = "root";
      group = "root";
      mode = "0400";
      services = [ "tailscaled-autoconnect" ];
    };
  };
}
