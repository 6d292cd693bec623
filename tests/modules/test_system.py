def test_time_zone(fleet):
    settings = fleet('[pantherOS.system]\ntimeZone = "Europe/Berlin"\n').nixos(module="system")
    assert settings["time.timeZone"] == "Europe/Berlin"
    assert settings["networking.hostName"] == "box"
