# A machine that somebody sits at.
{
  imports = [
    ../desktop
    ../../shared/theme.nix
  ];
  services.pipewire.enable = true;
  networking.networkmanager.enable = true;
}
