# Written by pantherOS: pantherOS.hardware.facter of hosts/zephyrus/host.nix.
{
  hardware.facter.reportPath = ../../../files/hosts/zephyrus/facter.json;
}
