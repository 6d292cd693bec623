{ lib, ... }:
{
  options.household."überall"."grüße" = lib.mkOption { type = lib.types.str; default = "Grüße – 你好"; };
}
