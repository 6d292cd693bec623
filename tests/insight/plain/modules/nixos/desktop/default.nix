# Everything beside this file.
{ lib, ... }:
{
  imports = map (name: ./. + "/${name}") (
    lib.filter (name: name != "default.nix" && lib.hasSuffix ".nix" name) (
      builtins.attrNames (builtins.readDir ./.)
    )
  );
}
