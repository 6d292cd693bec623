# Written by pantherOS: pantherOS.system of hosts/yoga/host.toml.
{ pkgs, ... }:
{
  networking.hostName = "yoga";
  system.stateVersion = "24.11";
  time.timeZone = "Europe/Berlin";
  i18n.defaultLocale = "en_US.UTF-8";
  nix = {
    settings = {
      experimental-features = [
        "nix-command"
        "flakes"
      ];
      trusted-users = [ "@wheel" ];
      max-jobs = 2;
    };
    channel.enable = false;
    gc = {
      automatic = true;
      dates = "weekly";
      options = "--delete-older-than 30d";
      randomizedDelaySec = "45min";
    };
    optimise = {
      automatic = true;
      dates = [ "weekly" ];
    };
  };
  systemd.services = {
    nix-gc = {
      serviceConfig = {
        CPUSchedulingPolicy = "idle";
        IOSchedulingClass = "idle";
      };
      unitConfig.ConditionACPower = true;
    };
    nix-optimise = {
      serviceConfig = {
        CPUSchedulingPolicy = "idle";
        IOSchedulingClass = "idle";
      };
      unitConfig.ConditionACPower = true;
    };
  };
  environment.systemPackages = [
    pkgs.file
    pkgs.git
    pkgs.htop
    pkgs.lsof
    pkgs.pciutils
    pkgs.tree
    pkgs.usbutils
    pkgs.vim
  ];
}
