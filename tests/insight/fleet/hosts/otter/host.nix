# The laptop that goes to the river.
{ pkgs, ... }:
{
  kind = "laptop";
  profiles = [ "tailnet" ];
  people = [ "alice" ];
  imports = [ ./fingerprint.nix ];

  pantherOS = {
    development.git.enable = true;
    development.containers.enable = true;
    filesystems.disks = {
      enable = true;
      device = "/dev/disk/by-id/nvme-EXAMPLE_OTTER";
      encryption.enable = true;
    };
    users.sudo.password = false;
  };

  nixos.environment.systemPackages = [ pkgs.qgis ];
  # nixos.services.restic.backups.home.paths = [ "/home" ];
  home.programs.helix.enable = true;
}
