# Written by pantherOS: host zephyrus, from hosts/zephyrus/host.nix.
{ config, lib, ... }:
{
  imports = [
    ./boot.nix
    ./development/containers.nix
    ./development/git.nix
    ./filesystems/disks.nix
    ./filesystems/impermanence.nix
    ./hardware/facter.nix
    ./networking/tailscale.nix
    ./security/firewall.nix
    ./security/secrets.nix
    ./security/ssh.nix
    ./system.nix
    ./users.nix
    ../../files/hosts/zephyrus/nvidia.nix
  ];
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  home-manager = {
    useGlobalPkgs = true;
    useUserPackages = true;
    users.ada.home.stateVersion = config.system.stateVersion;
  };
}
