# Written by pantherOS: host ovh-vps, from hosts/servers/ovh-vps/host.toml.
{ lib, ... }:
{
  imports = [
    ./boot.nix
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
