{ lib, ... }:
{
  documentation.nixos.enable = lib.mkDefault false;
}
