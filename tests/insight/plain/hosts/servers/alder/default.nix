# The server in the cellar.
{ self, config, ... }:
{
  imports = [
    ../../common
    ./hardware-configuration.nix
    "${self}/modules/nixos/roles/server.nix"
    (self + "/modules/nixos/security/ssh.nix")
  ];

  networking.hostName = "alder";

  household = {
    people = {
      enable = true;
      accounts.alice.admin = true;
    };
    photos.enable = true;
    ssh.listen = [ { address = "192.0.2.7"; } ];
  };
  services.web.sites.rooms.port = 8080;
  services.prometheus.enable = false;
  services.prometheus.exporters.node.enable = false;

  environment.etc."motd".text = ''
    Nothing here is kept twice: restic and borgbackup are still to be set up.
      services.restic.backups.state.paths = [ "/var/lib" ];
    ${config.networking.hostName}
  '';
}
