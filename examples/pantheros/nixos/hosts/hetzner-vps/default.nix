# Written by pantherOS: host hetzner-vps, from hosts/servers/hetzner-vps/host.toml.
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
  ];
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  home-manager = {
    useGlobalPkgs = true;
    useUserPackages = true;
    users.ada.home.stateVersion = config.system.stateVersion;
  };
}
