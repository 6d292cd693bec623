# The second server: not in the flake, and its VPN module has never been looked at by Nix.
{
  imports = [
    ../../common
    ./disks.nix
    ../../../modules/nixos/roles/server.nix
    ../../../modules/nixos/networking/vpn.nix
  ];

  networking.hostName = "birch";
  household.people.enable = false;
  household.photos.enable = false;
  sops.secrets.birch-uplink = { };
}
