# Written by pantherOS: from fleet.toml and hosts/.
{
  description = "The NixOS fleet pantheros";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    home-manager = {
      url = "github:nix-community/home-manager/release-26.05";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    impermanence = {
      url = "github:nix-community/impermanence";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        home-manager.follows = "home-manager";
      };
    };
    opnix = {
      url = "github:brizzbuzz/opnix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    {
      self,
      disko,
      home-manager,
      impermanence,
      nixpkgs,
      opnix,
      ...
    }:
    {
      nixosModules = {
        contabo-vps.imports = [
          disko.nixosModules.disko
          impermanence.nixosModules.impermanence
          opnix.nixosModules.default
          ./hosts/contabo-vps
        ];
        hetzner-vps = {
          imports = [
            disko.nixosModules.disko
            impermanence.nixosModules.impermanence
            opnix.nixosModules.default
            home-manager.nixosModules.home-manager
            ./hosts/hetzner-vps
          ];
          home-manager.sharedModules = [ opnix.homeManagerModules.default ];
        };
        ovh-vps.imports = [
          disko.nixosModules.disko
          impermanence.nixosModules.impermanence
          opnix.nixosModules.default
          ./hosts/ovh-vps
        ];
        yoga = {
          imports = [
            disko.nixosModules.disko
            impermanence.nixosModules.impermanence
            opnix.nixosModules.default
            home-manager.nixosModules.home-manager
            ./hosts/yoga
          ];
          home-manager.sharedModules = [ opnix.homeManagerModules.default ];
        };
        zephyrus = {
          imports = [
            disko.nixosModules.disko
            impermanence.nixosModules.impermanence
            opnix.nixosModules.default
            home-manager.nixosModules.home-manager
            ./hosts/zephyrus
          ];
          home-manager.sharedModules = [ opnix.homeManagerModules.default ];
        };
      };

      nixosConfigurations = nixpkgs.lib.mapAttrs (
        _: module: nixpkgs.lib.nixosSystem { modules = [ module ]; }
      ) self.nixosModules;
    };
}
