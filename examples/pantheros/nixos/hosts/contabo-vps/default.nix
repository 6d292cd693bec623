# Written by pantherOS: host contabo-vps, from hosts/servers/contabo-vps/host.toml.
{ lib, ... }:
{
  imports = [
    ./boot.nix
    ./development/containers.nix
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
}
