# Written by pantherOS: pantherOS.boot of hosts/servers/hetzner-vps/host.toml.
{
  boot.loader.grub = {
    enable = true;
    configurationLimit = 10;
  };
}
