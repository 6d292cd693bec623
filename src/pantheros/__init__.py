"""One typed description of a NixOS fleet in, a plain NixOS flake out."""

__version__ = "0.1.0"
