{ config, lib, ... }:
{
  options.station.fingerprint.enable = lib.mkEnableOption "logging in with a finger" // { default = true; };
  config.services.fprintd.enable = config.station.fingerprint.enable;
}
