# What the flake gives to others as `nixosModules`.
{
  default = ./nixos;
  home = ./home-manager;
  theme = ./shared/theme.nix;
}
