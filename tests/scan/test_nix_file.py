"""What a Nix file says, read from its syntax: options, settings, paths, flakes, and what Nix itself refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.scan import cache
from pantheros.scan.facts import Facts
from pantheros.scan.nix_file import read

HERE = Path(__file__).parents[1] / "insight"
FILES = sorted(path for path in HERE.rglob("*.nix") if path.is_file())


def options(text: str) -> dict[str, tuple[str, str, str]]:
    facts = read("{ config, lib, pkgs, ... }:\n" + text)
    assert not facts.broken
    return {option.path: (option.type, option.default, option.description) for option in facts.options}


def sets(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    facts = read("{ config, lib, pkgs, ... }:\n" + text)
    assert not facts.broken
    return {setting.path: (setting.value, setting.needs) for setting in facts.settings}


def references(text: str) -> list[tuple[str, str]]:
    facts = read(text)
    assert not facts.broken
    return sorted((reference.path, reference.how) for reference in facts.references)


# Options ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        (
            '{ options.a.b = lib.mkOption { type = lib.types.bool; default = true; description = "It."; }; }',
            {"a.b": ("bool", "true", "It.")},
        ),
        (
            '{ options.a.b.enable = lib.mkEnableOption "the thing"; }',
            {"a.b.enable": ("bool", "false", "Whether to enable the thing.")},
        ),
        (
            '{ options.a.enable = lib.mkEnableOption "it" // { default = true; }; }',
            {"a.enable": ("bool", "true", "Whether to enable it.")},
        ),
        (
            '{ options.a.package = lib.mkPackageOption pkgs "hello" { }; }',
            {"a.package": ("package", "pkgs.hello", "The hello package to use.")},
        ),
        ("with lib; { options.a = mkOption { type = types.int; }; }", {"a": ("int", "", "")}),
        ("let inherit (lib) mkOption; in { options.a = mkOption { default = 1; }; }", {"a": ("", "1", "")}),
        ("let flag = t: lib.mkOption { }; in { options.a = flag 1; }", {"a": ("", "", "")}),
        ("let o = { b = lib.mkOption { }; }; in { options.a = o; }", {"a.b": ("", "", "")}),
        ("let b = lib.mkOption { type = lib.types.int; }; in { options.a = { inherit b; }; }",
         {"a.b": ("int", "", "")}),
        ('{ options.a."b c"."größe" = lib.mkOption { }; }', {'a."b c"."größe"': ("", "", "")}),
        ('let n = "z"; in { options.a.${n} = lib.mkOption { }; }', {"a.z": ("", "", "")}),
        ("{ options.a.${f 1} = lib.mkOption { }; }", {"a.*": ("", "", "")}),
        ("{ options.a = { b = lib.mkOption { }; } // { c = lib.mkOption { }; }; }", {
            "a.b": ("", "", ""), "a.c": ("", "", "")
        }),
        ('{ options.a = lib.mkOption { description = lib.mdDoc "x\n  y"; }; }', {"a": ("", "", "x y")}),
        ("{ options.a = lib.mkOption { description = ''\n  Two\n  lines.\n''; }; }", {"a": ("", "", "Two lines.")}),
    ],
)  # fmt: skip
def test_options(text: str, declared: dict[str, tuple[str, str, str]]) -> None:
    assert options(text) == declared


@pytest.mark.parametrize(
    ("type", "below"),
    [
        ("submodule { options.y = o; }", {"a.y"}),
        ("submodule ({ name, ... }: { options = { y = o; }; })", {"a.y"}),
        ("submodule { freeformType = types.anything; options.y = o; }", {"a.y"}),
        ("submoduleWith { modules = [ { options.y = o; } ]; }", {"a.y"}),
        ("attrsOf (submodule { options.y = o; })", {"a.<name>.y"}),
        ("lazyAttrsOf (submodule { options.y = o; })", {"a.<name>.y"}),
        ("listOf (submodule { options.y = o; })", {"a.*.y"}),
        ("nullOr (submodule { options.y = o; })", {"a.y"}),
        ("attrsOf (listOf (submodule { options.y = o; }))", {"a.<name>.*.y"}),
        ("either str (submodule { options.y = o; })", {"a.y"}),
        ("oneOf [ str (submodule { options.y = o; }) ]", {"a.y"}),
        ("attrsOf sub", {"a.<name>.x"}),
        ("attrsOf (submodule { options.y = lib.mkOption { type = listOf sub; }; })", {"a.<name>.y", "a.<name>.y.*.x"}),
        ("attrsOf str", set()),
    ],
)
def test_options_of_submodules(type: str, below: set[str]) -> None:
    text = "let o = lib.mkOption { }; sub = lib.types.submodule { options.x = o; }; in\n"
    assert set(options(f"{text}{{ options.a = lib.mkOption {{ type = with lib.types; {type}; }}; }}")) == {"a", *below}


def test_an_option_has_its_line() -> None:
    facts = read("{ lib, ... }:\n{\n  options.a = {\n    b = lib.mkOption { };\n  };\n}\n")
    assert [option.line for option in facts.options] == [4]


# Settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{ a.b = 1; c = { d = true; }; }", {"a.b": ("1", ()), "c.d": ("true", ())}),
        ('{ a = "sftp:u@h:/x"; b = "/mnt/x"; c = "me@there.example:x"; d = "b2:${f}"; }',
         {"a": ("elsewhere", ()), "b": ("…", ()), "c": ("elsewhere", ()), "d": ("", ())}),
        ('{ a = { }; b = [ ]; c = null; d = "x"; e = "${f}"; }',
         {"a": ("{ }", ()), "b": ("[ ]", ()), "c": ("null", ()), "d": ("…", ()), "e": ("", ())}),
        ("{ config.a = 1; options.b = lib.mkOption { }; }", {"a": ("1", ())}),
        ("{ imports = [ ({ ... }: { y = 1; }) { z = 2; } ]; x = 3; }",
         {"x": ("3", ()), "y": ("1", ()), "z": ("2", ())}),
        ("{ a = lib.mkForce false; b = lib.mkDefault { c = 1; }; d = lib.mkOverride 10 5; }",
         {"a": ("false", ()), "b.c": ("1", ()), "d": ("5", ())}),
        ("{ a = { b = 1; } // lib.optionalAttrs config.x.enable { c = 2; } // lib.optionalAttrs foo { d = 3; }; }",
         {"a.b": ("1", ()), "a.c": ("2", ("x.enable",)), "a.d": ("3", ("?",))}),
        ("{ config = lib.mkMerge [ { a = 1; } (lib.mkIf config.x.enable { b = 2; }) (lib.mkIf (2 > 1) { c = 3; }) ]; }",
         {"a": ("1", ()), "b": ("2", ("x.enable",)), "c": ("3", ("?",))}),
        ("if config.x then { a = 1; } else { b = 2; }", {"a": ("1", ("?",)), "b": ("2", ("?",))}),
        ("let cfg = config.a.b; in lib.mkIf (cfg.enable && cfg.more) { x = 1; }",
         {"x": ("1", ("a.b.enable", "a.b.more"))}),
        ("let cfg = config.a; on = cfg.enable; in { x = lib.mkIf on (lib.mkForce true); }",
         {"x": ("true", ("a.enable",))}),
        ("let inherit (config.services) web; in lib.mkIf web.enable { x = 1; }",
         {"x": ("1", ("services.web.enable",))}),
        ("let inherit (config) web; in lib.mkIf web.enable { x = 1; }", {"x": ("1", ("web.enable",))}),
        ('lib.mkIf config.a."b c".enable { x = 1; }', {"x": ("1", ('a."b c".enable',))}),
        ("lib.mkIf (config.a.enable || config.b.enable) { x = 1; }", {"x": ("1", ("?",))}),
        ("lib.mkIf (!config.a.enable) { x = 1; }", {"x": ("1", ("?",))}),
        ("lib.mkIf true { x = 1; }", {"x": ("1", ())}),
        ("lib.mkIf config.a.enable (lib.mkIf config.b.enable { x = 1; })", {"x": ("1", ("a.enable", "b.enable"))}),
        ("{ a.enable = config.b.enable; }", {"a.enable": ("true", ("b.enable",))}),
        ("{ ${x} = 1; a.${f x}.b = 2; }", {"*": ("1", ()), "a.*.b": ("2", ())}),
        ('let who = "ada"; in { users.users.${who}.home = "/x"; }', {"users.users.ada.home": ("…", ())}),
        ('{ a."b.c".d = 1; a.${"e"} = 2; }', {'a."b.c".d': ("1", ()), "a.e": ("2", ())}),
        ("{ home-manager.users.ada = { pkgs, ... }: { imports = [ ./x.nix ]; programs.git.enable = true; }; }",
         {"home-manager.users.ada.programs.git.enable": ("true", ())}),
        ("{ inherit (config.x) a; }", {"a": ("", ())}),
        ("let a = a; in { x = lib.mkIf a { y = 1; }; z = a; }", {"x.y": ("1", ("?",)), "z": ("", ())}),
    ],
)  # fmt: skip
def test_settings(text: str, found: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    assert sets(text) == found


def test_packages() -> None:
    facts = read("""{ config, lib, pkgs, ... }: lib.mkIf config.a.enable {
      environment.systemPackages = with pkgs; [ git (python3.withPackages (p: [ p.requests ])) ]
        ++ lib.optionals x [ hello ] ++ lib.optional y vim;
      home.packages = [ pkgs.gcc pkgs.kdePackages.kate (pkgs.ripgrep.override { }) ];
    }""")
    names = ["git", "python3", "hello", "vim", "gcc", "kdePackages.kate", "ripgrep"]
    assert [package.name for package in facts.packages] == names
    assert {package.needs for package in facts.packages} == {("a.enable",)}


def test_secrets() -> None:
    facts = read("""{ config, ... }: {
      sops.secrets.wifi = { };
      sops.secrets."a/b".owner = "x";
      age.secrets.key.file = ./key.age;
      services.onepassword-secrets.secrets.token.reference = "op://Vault/Item/field";
      x = config.sops.secrets."c/d".path;
      y = "-t ${config.age.secrets."q.r".path}";
      # config.sops.secrets.commented.path, op://not/this/one
    }""")
    names = {secret.name: secret.line for secret in facts.secrets}
    assert names == {"wifi": 2, "a/b": 3, "key": 4, "token": 5, "op://Vault/Item/field": 5, "c/d": 6, "q.r": 7}


# Paths --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{ imports = [ ./a.nix ../b ./. ]; }", [("../b", "module"), ("./.", "module"), ("./a.nix", "module")]),
        ("{ x = import ./c.nix { }; y = pkgs.callPackage ./p { }; }", [("./c.nix", "import"), ("./p", "import")]),
        ("{ x = builtins.readDir ./d; y = builtins.readFile ./f; }", [("./d", "other"), ("./f", "other")]),
        ('{ imports = [ "${self}/m/x.nix" ]; }', [("/m/x.nix", "module")]),
        ('{ imports = [ (self + "/m/y.nix") ]; }', [("/m/y.nix", "module")]),
        ('{ imports = [ (inputs.self + "/m/y.nix") ]; }', [("/m/y.nix", "module")]),
        ('let m = ./m; in { imports = [ (m + "/y.nix") ]; }', [("./m", "module"), ("./m/y.nix", "module")]),
        ('let m = ./m; in { imports = [ "${m}/a.nix" ]; }', [("./m", "module"), ("./m/a.nix", "module")]),
        ('{ imports = [ (./d + "/q.nix") ]; }', [("./d/q.nix", "module")]),
        ("{ imports = [ ./${x}.nix ./hosts/${x} ]; }", [("./*.nix", "module"), ("./hosts/*", "module")]),
        ('{ imports = [ (./hosts + "/${x}") ]; }', [("./hosts/*", "module")]),
        ("{ imports = [ (./hosts + x) ]; }", [("./hosts/*", "module")]),
        ('{ x = relativeToRoot "m/x.nix"; }', [("/m/x.nix", "other")]),
        ('{ imports = map relativeToRoot [ "a/b.nix" ]; }', [("/a/b.nix", "module")]),
        ("{ imports = lib.optional x ./a.nix ++ lib.optionals y [ ./b.nix ]; }",
         [("./a.nix", "module"), ("./b.nix", "module")]),
        ("{ imports = [ (import ./x.nix { }) (lib.mkIf z ./w.nix) ]; }",
         [("./w.nix", "module"), ("./x.nix", "import")]),
        ("{ nixosModules.x = ./x.nix; }", [("./x.nix", "module")]),
        ('{ a = "./c.nix"; b = \'\'\n./d.nix\'\'; c = "/etc/x"; d = "http://x/y"; e = f "https://x/y"; }', []),
        ("{ # ./a.nix\n/* ./b.nix */ x = 1; }", []),
        ("{ x = <nixpkgs/nixos>; y = a / b; z = prefix + \"/lib\"; }", []),
    ],
)  # fmt: skip
def test_paths(text: str, found: list[tuple[str, str]]) -> None:
    assert references(text) == found


def test_modules_from_elsewhere() -> None:
    facts = read("""{ inputs, modulesPath, ... }: { imports = [
      inputs.disko.nixosModules.disko
      (modulesPath + "/profiles/qemu-guest.nix")
      "${modulesPath}/installer/scan/not-detected.nix"
    ]; }""")
    assert {module.name for module in facts.modules} == {
        "inputs.disko.nixosModules.disko",
        "modulesPath/profiles/qemu-guest.nix",
        "modulesPath/installer/scan/not-detected.nix",
    }


# Flakes -------------------------------------------------------------------------------------------------------------


def outputs(text: str) -> set[str]:
    facts = read(f"{{ outputs = {text}; }}")
    assert not facts.broken
    return {output.name for output in facts.outputs}


def configured(text: str) -> list[tuple[str, str]]:
    facts = read(f"{{ outputs = {{ self, nixpkgs, ... }}: {text}; }}")
    assert not facts.broken
    return [(each.output, each.name) for each in facts.configurations]


def test_inputs_in_all_spellings() -> None:
    facts = read("""{
      description = "D";
      inputs.a.url = "github:o/a";
      inputs.a.inputs.nixpkgs.follows = "b";
      inputs = {
        b = { url = "u"; inputs.x.follows = "a"; };
        "c".url = "v";
        d.follows = "a/d";
      };
      inputs.e = { };
      # inputs.f.url = "commented";
      outputs = _: { };
    }""")
    assert {each.name: each.url for each in facts.inputs} == {"a": "github:o/a", "b": "u", "c": "v", "d": "", "e": ""}
    assert {each.name: each.line for each in facts.inputs} == {"a": 3, "b": 6, "c": 7, "d": 8, "e": 10}
    assert facts.description == "D"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{ self }: { packages.x = 1; checks = { }; }", {"packages", "checks"}),
        ("{ self }: let o = { checks = 1; }; in o // { packages.x = 1; }", {"packages", "checks"}),
        ("{ self }: with self; rec { lib = 1; }", {"lib"}),
        ("{ flake-utils, ... }: flake-utils.lib.eachDefaultSystem (s: { packages.x = 1; }) // { overlays.x = 2; }",
         {"packages", "overlays"}),
        ("inputs: inputs.flake-parts.lib.mkFlake { inherit inputs; } "
         "{ systems = [ ]; perSystem = _: { formatter = 1; }; flake = { overlays.x = 1; }; flake.lib = 2; }",
         {"formatter", "overlays", "lib"}),
        ("inputs: inputs.flake-parts.lib.mkFlake { inherit inputs; } (_: { perSystem = _: { checks = 1; }; })",
         {"checks"}),
    ],
)  # fmt: skip
def test_outputs(text: str, names: set[str]) -> None:
    assert outputs(text) == names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{ nixosConfigurations.x = f { }; }", [("nixosConfigurations", "x")]),
        ('{ nixosConfigurations = { a = mkHost "a"; "b.c" = mkHost "b"; }; }',
         [("nixosConfigurations", "a"), ("nixosConfigurations", "b.c")]),
        ("let c = { nixosConfigurations.x = f { }; }; in c // { packages = { }; }", [("nixosConfigurations", "x")]),
        ('{ nixosConfigurations = nixpkgs.lib.genAttrs [ "a" "b" ] f; }', [("nixosConfigurations", "")]),
        ("{ nixosConfigurations = builtins.mapAttrs f hosts; }", [("nixosConfigurations", "")]),
        ("{ nixosConfigurations = { a = f { }; } // nixpkgs.lib.mapAttrs f x; }",
         [("nixosConfigurations", "a"), ("nixosConfigurations", "")]),
        ("{ nixosConfigurations.${x} = f { }; }", [("nixosConfigurations", "")]),
        ('{ darwinConfigurations.mac = f { }; homeConfigurations."u@x" = g { }; }',
         [("darwinConfigurations", "mac"), ("homeConfigurations", "u@x")]),
        ("{ packages.nixosConfigurations = 1; }", []),
    ],
)  # fmt: skip
def test_configurations(text: str, found: list[tuple[str, str]]) -> None:
    assert configured(text) == found


def test_the_names_of_computed_configurations_are_among_its_texts() -> None:
    facts = read("""{ outputs = { nixpkgs, ... }: let hosts = { a = { }; b = { }; }; in {
      nixosConfigurations = nixpkgs.lib.mapAttrs (n: _: mk { modules = [ ./hosts/${n} ]; }) hosts;
    }; }""")
    (found,) = facts.configurations
    assert {"a", "b"} <= set(found.texts)
    assert [each.path for each in found.references] == ["./hosts/*"]


def test_modules_written_in_a_configuration_are_its_settings() -> None:
    facts = read("""{ outputs = { nixpkgs, ... }: { nixosConfigurations.x = nixpkgs.lib.nixosSystem {
      modules = [ ./x.nix { networking.hostName = "x"; } ({ pkgs, ... }: { a.b = 1; }) ];
    }; }; }""")
    (found,) = facts.configurations
    assert {each.path: each.value for each in found.settings} == {"networking.hostName": "…", "a.b": "1"}
    assert [(each.path, each.how) for each in found.references] == [("./x.nix", "module")]
    assert found.opaque == ()


# Broken files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "nothing"),
        ("# a comment\n", 1, "nothing"),
        ("{\n  a = 1\n}", 2, "semicolon"),
        ("{\n  a = [ 1;\n}", 2, "`]`"),
        ('{\n  a = 1;\n  b = "x;\n}\n', 3, "never closed"),
        ("{ a = ; }", 1, "value"),
        ("{ a = 'x'; }", 1, "single quotes"),
        ("}", 1, "`}`"),
        ("{\n  a = 1;\n  a = 2;\n}", 3, "twice"),
        ('\n\n{ a = 1; "a" = 2; }', 3, "twice"),
        ('{ a = 1; ${"a"} = 2; }', 1, "twice"),
        ("{ a.b = 1;\n  a = 2; }", 2, "twice"),
        ("{ a = { b = 1; };\n  a.b = 2; }", 2, "twice"),
        ("{ a = { inherit b; };\n  a.b = 2; }", 2, "twice"),
        ("{ a = 1;\n  inherit a; }", 2, "twice"),
        ("let a = 1;\n  a = 2; in a", 2, "twice"),
        ("{ a,\n  a }: 1", 2, "argument twice"),
        ("{ a }@a: 1", 1, "argument twice"),
        ("{\n  a = ./b/;\n}", 2, "slash"),
        ("\ufeff{ a = 1; }", 1, "byte order mark"),
    ],
)
def test_a_broken_file_says_why_and_where(text: str, line: int, word: str) -> None:
    facts = read(text)
    assert facts.broken.startswith(f"line {line}: ")
    assert word in facts.broken
    assert facts == Facts(broken=facts.broken)


@pytest.mark.parametrize(
    "text",
    [
        "{ a.b = 1; a.c = 2; }",
        "{ a = { b = 1; }; a = { c = 2; }; }",
        "{ a = ({ b = 1; }); a.c = 2; }",
        "{ a = rec { b = 1; }; a.c = 2; }",
        "{ ${x} = 1; ${x} = 2; }",
        "{ a = { a = 1; }; }",
        "{ lib, pkgs, }: { }",
        "{ a = ./b; c = ./.; }",
    ],
)
def test_a_sound_file_is_not_called_broken(text: str) -> None:
    assert not read(text).broken


# Any text -----------------------------------------------------------------------------------------------------------

_TOKENS = [
    *("{", "}", "[", "]", "(", ")", "=", ";", ":", ",", ".", "@", "//", "++", "+", "?", "...", '"', "''", "${", "}"),
    *("let ", " in ", "rec ", "with ", "inherit ", "if ", " then ", " else ", " or ", "assert ", "import ", "\n", " "),
    *("a", "lib.mkIf ", "lib.mkOption ", "config.a.enable", "options", "config", "imports", "outputs", "inputs"),
    *(
        "nixosConfigurations",
        "./x",
        "./${x}",
        "<nixpkgs>",
        "~/y",
        "1",
        "true",
        "submodule ",
        "type",
        "# x\n",
        "/* x */",
    ),
    *("self", "systemPackages", "mkMerge ", "attrsOf ", "\0", "\ufeff", "\ud800", "ü", "\r\n", "\\", "$"),
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_TOKENS), max_size=40).map("".join)))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(read(text), Facts)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_beginning_of_a_real_file_is_read(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(FILES)).read_text(encoding="utf-8")
    facts = read(text[: data.draw(st.integers(0, len(text)))])
    assert cache.from_data(json.loads(json.dumps(cache.as_data(facts)))) == facts


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_facts_come_back_from_json(path: Path) -> None:
    facts = read(path.read_text(encoding="utf-8"))
    assert cache.from_data(json.loads(json.dumps(cache.as_data(facts)))) == facts


@pytest.mark.parametrize(
    ("open", "inner", "close"),
    [
        ("[", "", "]"),
        ("(", "1", ")"),
        ("{ a = ", "1", "; }"),
        ("[ ", "", "]++[]"),
        ("[", "", ""),
        ("{", "", ""),
        ('"${', "x", '}"'),
        ("a // ", "{ }", ""),
        ("let a = ", "1", "; in a"),
        ("lib.mkIf a (", "{ }", ")"),
        ("x: ", "1", ""),
    ],
)
@pytest.mark.parametrize("around", ["{}", "{{ x = {}; }}"])
def test_deep_nesting_is_no_trouble(open: str, inner: str, close: str, around: str) -> None:
    begin = time.perf_counter()
    read(around.format(open * 10_000 + inner + close * 10_000))
    assert time.perf_counter() - begin < 5


# Nix itself as the judge --------------------------------------------------------------------------------------------


def refuses(text: str, nix: str) -> bool:
    """Whether Nix refuses a text for its syntax."""
    told = subprocess.run([nix, "--parse", "-"], input=text.encode(), capture_output=True, check=False)
    return told.returncode != 0


@pytest.fixture(scope="module")
def nix() -> str:
    program = shutil.which("nix-instantiate")
    if program is None:
        pytest.skip("needs nix-instantiate, which is not installed")
    return program


@pytest.mark.nix
def test_what_is_broken_is_what_nix_refuses(nix: str) -> None:
    told = {path: refuses(path.read_text(encoding="utf-8"), nix) for path in FILES}
    ours = {path: bool(read(path.read_text(encoding="utf-8")).broken) for path in FILES}
    assert ours == told
    assert any(told.values()) and not all(told.values())


_NAME = st.sampled_from(["a", "b", '"a"', '"b"', '${"a"}', '"a b"', '"\\a"'])
_PATH = st.lists(_NAME, min_size=1, max_size=3).map(".".join)


def _sets(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binding = st.one_of(
        st.tuples(_PATH, values).map(lambda each: f"{each[0]} = {each[1]};"),
        st.sampled_from(["inherit ({ }) a;", 'inherit ({ }) "b" c;']),
    )
    before, after = st.sampled_from([("", ""), ("rec ", ""), ("(", ")")]), st.lists(binding, max_size=3).map(" ".join)
    return st.tuples(before, after).map(lambda each: f"{each[0][0]}{{ {each[1]} }}{each[0][1]}")


@pytest.mark.nix
@settings(max_examples=80, deadline=None)
@given(text=_sets(st.recursive(st.just("1"), _sets, max_leaves=6)))
def test_attributes_that_are_there_twice_are_those_that_nix_refuses(nix: str, text: str) -> None:
    assert bool(read(text).broken) == refuses(text, nix), text


def test_what_may_be_a_secret_is_not_kept() -> None:
    found = read(
        '{ lib, ... }: { users.users.ada.initialPassword = "correct horse"; services.x.token = 1234567890;'
        ' options.a.b = lib.mkOption { type = lib.types.str; default = "ghp_0123456789abcdefghijABCDEFGHIJ012345"; };'
        ' config.services.y.key = "ghp_0123456789abcdefghijABCDEFGHIJ012345"; }'
    )
    kept = json.dumps(cache.as_data(found))
    assert "correct horse" not in kept
    assert "1234567890" not in kept
    assert "0123456789abcdef" not in kept
