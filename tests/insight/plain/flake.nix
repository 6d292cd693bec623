{
  description = "Maple Street: the machines of a household";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-24.11";
    nixos-hardware.url = "github:NixOS/nixos-hardware";
    home-manager = {
      url = "github:nix-community/home-manager/release-24.11";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    "disko" = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    # impermanence.url = "github:nix-community/impermanence";
  };
  inputs.sops-nix.url = "github:Mic92/sops-nix";
  inputs.sops-nix.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    inputs@{ self, nixpkgs, home-manager, ... }:
    let
      inherit (nixpkgs) lib;
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};

      mkHost =
        name:
        lib.nixosSystem {
          inherit system;
          specialArgs = { inherit inputs self; };
          modules = [
            (./hosts + "/${name}")
            inputs.disko.nixosModules.disko
            inputs.sops-nix.nixosModules.sops
            home-manager.nixosModules.home-manager
          ];
        };
    in
    {
      nixosConfigurations = {
        hazel = mkHost "hazel";
        alder = mkHost "servers/alder";
        # rowan = mkHost "rowan"; # once it has its battery
        linden-desk = lib.nixosSystem {
          inherit system;
          specialArgs = { inherit inputs self; };
          modules = [
            ./hosts/linden
            inputs.disko.nixosModules.disko
            inputs.sops-nix.nixosModules.sops
          ];
        };
        rescue = lib.nixosSystem {
          inherit system;
          modules = [
            ./hosts/rescue.nix
            "${nixpkgs}/nixos/modules/installer/cd-dvd/installation-cd-minimal.nix"
          ];
        };
      };

      homeConfigurations."bob@linden-desk" = home-manager.lib.homeManagerConfiguration {
        inherit pkgs;
        modules = [ ./home/bob ];
      };

      nixosModules = import ./modules;
      overlays.default = import ./overlays;
      packages.${system}.door-chime = pkgs.callPackage ./pkgs/door-chime { };
      checks.${system}.boot = import ./tests/boot.nix { inherit pkgs self; };
      formatter.${system} = pkgs.nixfmt-rfc-style;
      devShells.${system}.default = pkgs.mkShellNoCC {
        packages = with pkgs; [
          sops
          age
        ];
      };
    };
}
