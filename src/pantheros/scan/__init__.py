"""Reading any repository of NixOS machines from its files alone, without Nix."""
