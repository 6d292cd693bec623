{ pkgs, ... }:
let
  name = "bob";
in
{
  users.users.${name} = {
    isNormalUser = true;
    extraGroups = [ "wheel" "podman" ];
    shell = pkgs.bashInteractive;
  };
}
