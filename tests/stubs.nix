# Arguments for NixOS modules that stand for what only NixOS knows, and comparing what modules come to with them.
{ libNames, pkgsNames, configNames }:
let
  # Stands for what only NixOS knows. Sets with `type = "derivation"` are equal when their `outPath` is, and this one
  # can also be called.
  stub = name: {
    type = "derivation";
    outPath = "/stub/${name}";
    name = name;
    __functor = _: argument:
      stub "${name}-of-${builtins.substring 0 12 (builtins.hashString "sha256" (toString argument))}";
  };
  paths = prefix: paths:
    builtins.foldl' merge { } (map (names: nested names (stub (prefix + builtins.concatStringsSep "." names))) paths);
  nested = names: value:
    if names == [ ] then value else { ${builtins.head names} = nested (builtins.tail names) value; };
  merge = a: b: a // builtins.mapAttrs (name: value:
    if a ? ${name} && !(a.${name} ? type) && !(value ? type) then merge a.${name} value
    else if a ? ${name} then a.${name} // value else value) b;
  lib = paths "lib." libNames // {
    mkForce = content: { _type = "override"; priority = 50; inherit content; };
    mkDefault = content: { _type = "override"; priority = 1000; inherit content; };
  };
  pkgs = paths "pkgs." pkgsNames;
  config = paths "config." configNames;
  arguments = { inherit config lib pkgs; };
  evaluated = file: let found = import file; in if builtins.isFunction found then found arguments else found;
  # Nix cannot compare functions.
  plain = value:
    if builtins.isFunction value then "a function"
    else if builtins.isList value then map plain value
    else if builtins.isAttrs value && !(value ? type && value.type == "derivation") then
      builtins.mapAttrs (_: plain) value
    else value;
  homes = module: if module ? home-manager.users then module // { home-manager = module.home-manager // {
    users = builtins.mapAttrs
      (_: home: if builtins.isFunction home then home arguments else home)
      module.home-manager.users;
  }; } else module;
in
{
  inherit arguments config evaluated homes lib merge pkgs plain;
}
