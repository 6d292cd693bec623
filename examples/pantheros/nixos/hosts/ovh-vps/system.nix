# Written by pantherOS: pantherOS.system of hosts/servers/ovh-vps/host.toml.
{ pkgs, ... }:
{
  networking.hostName = "ovh-vps";
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
  systemd.services = {
    nix-gc.serviceConfig = {
      CPUSchedulingPolicy = "idle";
      IOSchedulingClass = "idle";
    };
    nix-optimise.serviceConfig = {
      CPUSchedulingPolicy = "idle";
      IOSchedulingClass = "idle";
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
  documentation = {
    nixos.enable = false;
    info.enable = false;
    doc.enable = false;
  };
}
