{ config, lib, ... }:
let
  cfg = config.household.nix;
  mkFlag =
    description:
    lib.mkOption {
      type = lib.types.bool;
      default = false;
      inherit description;
    };
in
{
  options.household.nix.collectGarbage = mkFlag "Throw away what is old.";
  options.household.nix.keep = lib.mkOption {
    type = lib.types.ints.positive;
    default = 14;
    description = "Days that generations are kept for.";
  };
  options.household.nix.sandbox.relaxed = mkFlag "Let some builds out.";

  config.nix = {
    settings.experimental-features = [ "nix-command" "flakes" ];
    gc = lib.mkIf cfg.collectGarbage {
      automatic = true;
      options = "--delete-older-than ${toString cfg.keep}d";
    };
  };
}
