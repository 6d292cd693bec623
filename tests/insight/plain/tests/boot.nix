{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "boot";
  nodes.machine = {
    imports = [ self.nixosModules.default ];
    household.photos.enable = false;
  };
  testScript = ''
    machine.wait_for_unit("multi-user.target")
  '';
}
