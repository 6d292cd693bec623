# Written by pantherOS: pantherOS.users of hosts/servers/contabo-vps/host.toml.
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
      };
    };
  };
  programs.fish.enable = true;
  security.sudo = {
    wheelNeedsPassword = false;
    execWheelOnly = true;
  };
}
