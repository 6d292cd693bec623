{ pkgs, ... }:
{
  kind = "workstation";
  people = [ "adda" ];
  pantherOS.system.stateVersion = "26.05";
  pantherOS.system.packages = [ pkgs.ripgrep ];
  pantherOS.development.container.enable = true;
}
