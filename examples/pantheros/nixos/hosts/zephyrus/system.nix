# Written by pantherOS: pantherOS.system of hosts/zephyrus/host.nix.
{ lib, pkgs, ... }:
{
  networking.hostName = "zephyrus";
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
  nixpkgs.config.allowUnfreePredicate = pkg: builtins.elem (lib.getName pkg) [ "nvidia-x11" "nvidia-settings" ];
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
    pkgs.powertop
  ];
}
