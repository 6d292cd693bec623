# Written by pantherOS: pantherOS.boot of hosts/yoga/host.toml.
{ pkgs, ... }:
{
  boot = {
    loader = {
      systemd-boot = {
        enable = true;
        configurationLimit = 10;
        editor = false;
      };
      efi.canTouchEfiVariables = true;
    };
    kernelPackages = pkgs.linuxPackages_latest;
    kernelParams = [
      "amd_pstate=active"
      "nmi_watchdog=0"
      "quiet"
      "udev.log_level=3"
    ];
    kernel.sysctl."vm.dirty_writeback_centisecs" = 1500;
    consoleLogLevel = 3;
    initrd.verbose = false;
  };
}
