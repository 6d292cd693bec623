{
  description = "pantherOS: one typed description of a NixOS fleet in, a plain NixOS flake out";

  # The unstable branch, because panther's tests run with the newest releases of its libraries, and nixpkgs has those
  # there; it has no end of support to keep up with, either. The package also evaluates and works with any release
  # since 24.11, so a flake that has nixpkgs already may say `inputs.pantheros.inputs.nixpkgs.follows = "nixpkgs";`.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem =
        outputs:
        lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
        ] (system: outputs nixpkgs.legacyPackages.${system});
    in
    {
      # nix build, nix shell, nix profile install
      packages = eachSystem (pkgs: rec {
        default = panther;
        panther = pkgs.callPackage ./nix/package.nix { };
      });

      # nix run
      apps = eachSystem (
        pkgs:
        let
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) panther;
        in
        {
          default = {
            type = "app";
            program = lib.getExe panther;
            meta = { inherit (panther.meta) description; };
          };
        }
      );

      # nix develop
      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix {
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) panther;
        };
      });

      # nix flake check builds the package, which tries it.
      checks = eachSystem (pkgs: {
        inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) panther;
      });

      # pkgs.panther, by nixpkgs.overlays
      overlays.default = final: _: {
        panther = final.callPackage ./nix/package.nix { };
      };
    };
}
