# Written by pantherOS: pantherOS.boot of hosts/servers/ovh-vps/host.toml.
{
  boot.loader.grub = {
    enable = true;
    configurationLimit = 10;
  };
}
