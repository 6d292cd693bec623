# Written by pantherOS: pantherOS.users of hosts/yoga/host.toml.
{ pkgs, ... }:
{
  users = {
    mutableUsers = false;
    users = {
      root.hashedPassword = "!";
      ada = {
        isNormalUser = true;
        description = "Ada Example";
        extraGroups = [ "wheel" ];
        shell = pkgs.fish;
        openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada@yoga" ];
        hashedPasswordFile = "/persist/passwords/ada";
      };
    };
  };
  programs.fish.enable = true;
  security.sudo.execWheelOnly = true;
}
