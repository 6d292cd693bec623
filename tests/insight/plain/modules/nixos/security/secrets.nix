# Keys stay in secrets/, encrypted. (Once it was op://house/wifi/password; no longer.)
{ config, ... }:
{
  sops = {
    defaultSopsFile = ../../../secrets/shared.yaml;
    age.sshKeyPaths = [ "/etc/ssh/ssh_host_ed25519_key" ];
    secrets = {
      wifi = { };
      # tailnet = { };
    };
  };
  networking.wireless.secretsFile = config.sops.secrets.wifi.path;
}
