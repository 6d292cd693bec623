# Written by pantherOS: pantherOS.security.firewall of hosts/zephyrus/host.nix.
{
  networking.firewall = {
    allowedUDPPorts = [ 41641 ];
    interfaces.tailscale0.allowedTCPPorts = [ 22 ];
    logRefusedConnections = true;
    checkReversePath = "loose";
  };
}
