{ pkgs, ... }:
{
  kind = "server";
  people = [ "ada" "bobb" ];
  pantherOS.system.stateVersion = "26.05";
  pantherOS.system.packages = [ pkgs.ripgrep ];
  pantherOS.development.container.enable = true;
}
