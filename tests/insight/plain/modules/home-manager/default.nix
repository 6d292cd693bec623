# All programs, however deep they lie; editors are chosen one by one.
{ lib, ... }:
{
  imports = builtins.filter (path: lib.hasSuffix ".nix" (toString path)) (
    lib.filesystem.listFilesRecursive ./programs
  );
}
