# nixpkgs' Python packages, with those that panther needs and nixpkgs lacks or has too old, from PyPI.
{
  lib,
  fetchPypi,
  python3Packages,
}:
let
  inherit (python3Packages) buildPythonPackage;

  # A package of nixpkgs, or ours where that is older than what panther needs.
  atLeast =
    version: theirs: ours:
    if lib.versionAtLeast theirs.version version then theirs else ours;

  # The grammars' C sources need a header of the time at which they were generated. tree-sitter-toml's archive lacks
  # it; that of the library of the time has it.
  treeSitter = rec {
    version = "0.24.0";
    header = "tree-sitter-${version}/tree_sitter/core/lib/src/parser.h";
    src = fetchPypi {
      pname = "tree-sitter";
      inherit version;
      hash = "sha256-q9la9lyi9Pfso1Y0M5HtZp52Tzd0i1NSlG8A9/x45zQ=";
    };
  };
in
python3Packages
// {
  # NixOS 24.11 has neither grammar for Python. Later nixpkgs do, as tree-sitter-grammars, but of other versions than
  # uv.lock, and how a file is read hangs on them.
  tree-sitter-nix = buildPythonPackage rec {
    pname = "tree-sitter-nix";
    version = "0.1.0";
    pyproject = true;
    src = fetchPypi {
      pname = "tree_sitter_nix";
      inherit version;
      hash = "sha256-tVH9APu6yS8wD6lB88QbZh8pDBQVWd4PaQ1VCdmsPLA=";
    };
    build-system = [
      python3Packages.setuptools
      python3Packages.wheel
    ];
    pythonImportsCheck = [ "tree_sitter_nix" ];
    doCheck = false; # there are no tests in it
    meta = {
      description = "Nix grammar for tree-sitter";
      homepage = "https://github.com/nix-community/tree-sitter-nix";
      license = lib.licenses.mit;
    };
  };

  tree-sitter-toml = buildPythonPackage rec {
    pname = "tree-sitter-toml";
    version = "0.7.0";
    pyproject = true;
    src = fetchPypi {
      pname = "tree_sitter_toml";
      inherit version;
      hash = "sha256-KeJXYS+o8MH8vE5+CN3FYRafFyUmUwLmTYEIY1QUSnA=";
    };
    postPatch = ''
      mkdir src/tree_sitter
      tar -xzOf ${treeSitter.src} ${treeSitter.header} > src/tree_sitter/parser.h
    '';
    build-system = [
      python3Packages.setuptools
      python3Packages.wheel
    ];
    pythonImportsCheck = [ "tree_sitter_toml" ];
    doCheck = false; # there are no tests in it
    meta = {
      description = "TOML grammar for tree-sitter";
      homepage = "https://github.com/tree-sitter-grammars/tree-sitter-toml";
      license = lib.licenses.mit;
    };
  };

  # NixOS 24.11 has 2.0.1, whose errors do not tell their place.
  tomli = atLeast "2.1" python3Packages.tomli (buildPythonPackage rec {
    pname = "tomli";
    version = "2.2.1";
    pyproject = true;
    src = fetchPypi {
      inherit pname version;
      hash = "sha256-zUXh3HnINc5g90BOyBGfLrBtOLHeuhRvB87Tu8RFBf8=";
    };
    build-system = [ python3Packages.flit-core ];
    pythonImportsCheck = [ "tomli" ];
    doCheck = false;
    inherit (python3Packages.tomli) meta;
  });

  # NixOS 24.11 has 0.12.5, which does not know options of the type Literal.
  typer = atLeast "0.19" python3Packages.typer (buildPythonPackage rec {
    pname = "typer";
    version = "0.19.2";
    pyproject = true;
    src = fetchPypi {
      inherit pname version;
      hash = "sha256-mtgkMI3tCtBsxxZDRwX2kdTuC/0PsIGDnS5CaGDn/co=";
    };
    build-system = [ python3Packages.pdm-backend ];
    dependencies = [
      python3Packages.click
      python3Packages.rich
      python3Packages.shellingham
      python3Packages.typing-extensions
    ];
    pythonImportsCheck = [ "typer" ];
    doCheck = false;
    inherit (python3Packages.typer) meta;
  });
}
