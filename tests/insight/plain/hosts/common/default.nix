# What every machine has. No machine itself.
{ lib, ... }:
{
  imports = [
    ../../modules/nixos
    ../../modules/nixos/security/secrets.nix
  ];
  nixpkgs.config.allowUnfree = lib.mkDefault false;
  services.openssh.enable = true;
  # services.restic.backups.state.repository = "sftp:backup@elsewhere:/srv";
  system.stateVersion = "24.11";
}
