# Written by pantherOS: pantherOS.boot of hosts/servers/contabo-vps/host.toml.
{
  boot.loader.grub = {
    enable = true;
    configurationLimit = 10;
  };
}
