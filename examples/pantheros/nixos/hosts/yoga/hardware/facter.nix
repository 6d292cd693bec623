# Written by pantherOS: pantherOS.hardware.facter of hosts/yoga/host.toml.
{
  hardware.facter.reportPath = ../../../files/hosts/yoga/facter.json;
}
