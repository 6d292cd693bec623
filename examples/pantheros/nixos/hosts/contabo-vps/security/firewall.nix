# Written by pantherOS: pantherOS.security.firewall of hosts/servers/contabo-vps/host.toml.
{
  networking.firewall = {
    allowedUDPPorts = [ 41641 ];
    interfaces.tailscale0.allowedTCPPorts = [
      22
      8080
    ];
    logRefusedConnections = true;
  };
}
