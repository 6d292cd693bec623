{ lib, ... }:
let
  palette = import ./palette.nix; # a link into modules/
in
{
  imports = [
    ../../modules/home-manager
    ../../modules/home-manager/editors/helix.nix
  ];
  household.home.git.email = "alice@example.org";
  programs.foot.settings.colors.background = lib.removePrefix "#" palette.background;
  home.stateVersion = "24.11";
}
