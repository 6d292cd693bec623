# Written by pantherOS: pantherOS.security.secrets of hosts/yoga/host.toml.
{
  services.onepassword-secrets = {
    enable = true;
    secrets = {
      ghcrTokenForAda = {
        reference = "op://pantheros/github/packages-token";
        owner = "ada";
        mode = "0400";
      };
      tailscaleLaptop = {
        reference = "op://pantheros/tailscale/laptop-auth-key";
        owner = "root";
        group = "root";
        mode = "0400";
        services = [ "tailscaled-autoconnect" ];
      };
    };
  };
  home-manager.users.ada.programs.onepassword-secrets.secretPaths.ghcrToken = "/var/lib/opnix/secrets/ghcrTokenForAda";
}
