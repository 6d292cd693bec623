{ config, lib, ... }:
{
  options.station.clock.server = lib.mkOption {
    type = lib.types.str;
    default = "ptbtime1.ptb.de";
    description = "Where the time comes from – “Uhrzeit”.";
  };
  config.networking.timeServers = [ config.station.clock.server ];
}
