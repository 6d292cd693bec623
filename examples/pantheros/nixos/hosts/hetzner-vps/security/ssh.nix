# Written by pantherOS: pantherOS.security.ssh of hosts/servers/hetzner-vps/host.toml.
{
  services.openssh = {
    enable = true;
    openFirewall = false;
    hostKeys = [
      {
        type = "ed25519";
        path = "/etc/ssh/ssh_host_ed25519_key";
      }
    ];
    authorizedKeysInHomedir = false;
    settings = {
      PermitRootLogin = "no";
      PasswordAuthentication = false;
      KbdInteractiveAuthentication = false;
      AuthenticationMethods = "publickey";
      LogLevel = "VERBOSE";
      AllowUsers = [ "ada" ];
      Ciphers = [
        "chacha20-poly1305@openssh.com"
        "aes256-gcm@openssh.com"
        "aes128-gcm@openssh.com"
      ];
      Macs = [
        "hmac-sha2-512-etm@openssh.com"
        "hmac-sha2-256-etm@openssh.com"
        "umac-128-etm@openssh.com"
      ];
      MaxAuthTries = 4;
      MaxSessions = 10;
      MaxStartups = "10:30:60";
      LoginGraceTime = 30;
      ClientAliveInterval = 60;
      ClientAliveCountMax = 5;
      AllowAgentForwarding = false;
    };
  };
}
