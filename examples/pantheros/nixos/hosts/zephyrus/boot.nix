# Written by pantherOS: pantherOS.boot of hosts/zephyrus/host.nix.
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
    kernelParams = [ "intel_pstate=active" ];
  };
}
