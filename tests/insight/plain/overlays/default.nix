final: prev: {
  door-chime = final.callPackage ../pkgs/door-chime { };
  foot = prev.foot.overrideAttrs (old: { pname = "${old.pname}-house"; });
}
