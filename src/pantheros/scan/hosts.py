"""The hosts of a repository: which there are, and what each comes to, as far as that can be told without Nix."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pantheros.scan.facts import SOME, UNKNOWN, Configuration, Named, Setting
from pantheros.scan.host import Host, Place, Seen, host_sets, under
from pantheros.scan.kinds import kind_of, words_of
from pantheros.scan.repository import Repository

_TOPS = ("hosts", "host", "machines", "nodes", "systems", "nixos")
_NOT_AROUND = frozenset(
    {
        *("home", "home-manager", "users", "lib", "pkgs", "packages", "overlays", "scripts", "secrets", "docs"),
        *("openspec", "tests", "test", "templates", "examples", "checks"),
    }
)
"""Directories at the top in which one of `_TOPS` holds no hosts."""
_ENTRIES = ("default.nix", "configuration.nix", "host.nix", "host.toml")
_HARDWARE = ("hardware-configuration.nix", "hardware.nix", "facter.json")
_SHARED = frozenset(
    {"common", "shared", "modules", "profiles", "features", "optional", "global", "base", "core", "lib", "templates"}
)
_OF_A_MACHINE = ("networking.hostName", "system.stateVersion", "disko.devices", "fileSystems", "nixpkgs.hostPlatform")
OF_HARDWARE = (
    *(
        "hardware.cpu",
        "hardware.graphics",
        "hardware.opengl",
        "hardware.nvidia",
        "hardware.firmware",
        "hardware.amdgpu",
    ),
    *("hardware.enableRedistributableFirmware", "hardware.enableAllFirmware", "hardware.facter", "facter"),
    *("hardware.raspberry-pi", "hardware.deviceTree", "boot.initrd.availableKernelModules", "services.qemuGuest"),
)
"""Settings that are about a machine's devices."""
OF_DISKS = ("disko.devices", 'fileSystems."/"', "fileSystems./", 'fileSystems."/boot"', 'fileSystems."/nix"')
"""Settings that say what lies on which disk."""
_SEVERAL = 2
"""Directories of machines, from which on what holds them is none itself."""
_USERS_OF_THE_SYSTEM = frozenset({"root", "nixos", "nobody"})
_OF_A_PERSON = frozenset(
    {
        *("isNormalUser", "openssh", "hashedPassword", "hashedPasswordFile", "initialPassword", "password"),
        *("initialHashedPassword", "passwordFile", "shell", "packages", "description"),
    }
)


def hosts(repository: Repository) -> tuple[Host, ...]:
    """The hosts by name: those that the flake gives out, and directories that describe a machine."""
    return _Hosts(repository).all()


class _Hosts:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._own: dict[str, list[str]] = {}
        self.configurations = list(self._configurations())
        self.names = {each.name for _, each in self.configurations}
        self.directories = list(self._directories())

    def all(self) -> tuple[Host, ...]:
        found: dict[str, Host] = {}
        claimed: dict[str, tuple[str, Configuration]] = {}
        alone: list[tuple[str, Configuration]] = []
        computed: list[tuple[str, Configuration]] = []
        for file, configuration in self.configurations:
            if configuration.output == "homeConfigurations":
                continue
            if not configuration.name:
                computed.append((file, configuration))
                continue
            directory = self._directory_of(file, configuration)
            if directory is not None:
                claimed.setdefault(directory, (file, configuration))
            elif configuration.output == "nixosConfigurations":
                alone.append((file, configuration))
        shared = self._shared(set(claimed))
        for directory in self.directories:
            name = _stem(directory)
            if name in found:  # another of the same name lies elsewhere
                name = directory
            if directory in claimed:
                file, own = claimed[directory]
                if own.output == "nixosConfigurations":
                    found[name] = self._host(name, directory, own.name, file, own)
                continue
            output, given = self._given_by(directory, computed)
            if directory not in shared and not self._is_mac(directory) and (output or self._is_machine(directory)):
                found[name] = replace(self._host(name, directory, output), given=given)
        for file, configuration in alone:
            name = configuration.name
            found.setdefault(name, self._host(name, "", name, file, configuration))
        return tuple(found[name] for name in sorted(found))

    def _shared(self, claimed: set[str]) -> set[str]:
        """The directories that another host's files refer to: what several have in common is no host."""
        found: set[str] = set()
        for directory in self.directories:
            for path in self._own_files(directory):
                for other in self.repository.imports.get(path, ()):
                    found |= {each for each in self.directories if each != directory and other in _entries_of(each)}
        return found - claimed

    def _configurations(self) -> Iterator[tuple[str, Configuration]]:
        """What the flake configures, each with the file that says so."""
        repository = self.repository
        for path in repository.closure(["flake.nix"]):
            if path != "flake.nix" and posixpath.basename(path) == "flake.nix":
                continue
            for configuration in repository.nix[path].configurations:
                taken = [each for each in configuration.references if each.how == "import"]
                led = [file for each in taken for file in repository.leads_to(path, each)]
                if configuration.name or configuration.opaque or len(led) != 1:
                    yield path, configuration
                    continue
                # `nixosConfigurations = import ./hosts { … };`: the names are that file's.
                for file in led:
                    facts = repository.nix[file]
                    names = {setting.path.split(".")[0]: setting.line for setting in facts.settings}
                    for name, line in names.items():
                        yield file, configuration._replace(name=name, references=facts.references, line=line)

    def _directories(self) -> Iterator[str]:
        """What may be a host: directories below `hosts/`, and single files there."""
        inside: dict[str, set[str]] = {}
        for path in self.repository.files:
            parts = path.split("/")
            for depth, part in enumerate(parts[:-1]):
                within = parts[0] not in _NOT_AROUND and (parts[0] != "modules" or part in ("hosts", "machines"))
                if part in _TOPS and (depth == 0 or (depth == 1 and within)):
                    inside.setdefault("/".join(parts[: depth + 1]), set()).add("/".join(parts[depth + 1 :]))
                    break
        for top, below in sorted(inside.items()):
            yield from self._below(top, below)

    def _below(self, top: str, below: set[str], depth: int = 0) -> Iterator[str]:
        names = {path.partition("/")[0] for path in below if "/" in path}
        for name in sorted(names):
            within = {path.partition("/")[2] for path in below if path.startswith(f"{name}/")}
            if name in _SHARED or name.startswith((".", "_")):
                continue
            machines = {path.partition("/")[0] for path in within if path.partition("/")[2] in _HARDWARE}
            if any(entry in within for entry in (*_ENTRIES, *_HARDWARE)) and len(machines) < _SEVERAL:
                yield f"{top}/{name}"
                # A host may lie in what several have in common, if the flake knows it by name.
                names_within = {path.partition("/")[0] for path in within if "/" in path} & self.names
                yield from (f"{top}/{name}/{each}" for each in sorted(names_within))
            else:
                yield from self._below(f"{top}/{name}", within, depth + 1)
        if depth == 0:
            for path in sorted(below):
                if (
                    path.endswith(".nix")
                    and path not in _ENTRIES
                    and "/" not in path
                    and path[:-4] not in names | _SHARED
                ):
                    yield f"{top}/{path}"

    def _is_machine(self, directory: str) -> bool:
        """Whether what lies there describes a machine: by where it lies, or by what it says."""
        own = self._own_files(directory)
        if any(posixpath.basename(path) in (*_HARDWARE, "host.toml") for path in own):
            return True
        if posixpath.dirname(directory) in ("hosts", "machines", "nodes") and not directory.endswith(".nix"):
            return True
        return any(
            under(setting.path, prefix)
            for path in own
            if path in self.repository.nix
            for setting in self.repository.nix[path].settings
            for prefix in _OF_A_MACHINE
        )

    def _is_mac(self, directory: str) -> bool:
        """Whether what lies there is for nix-darwin."""
        facts = [self.repository.nix[path] for path in self._own_files(directory) if path in self.repository.nix]
        return "darwin" in words_of(directory) or any(_of_a_mac(each.path) for said in facts for each in said.settings)

    def _own_files(self, directory: str) -> list[str]:
        if directory not in self._own:
            self._own[directory] = [path for path in self.repository.files if _in(path, directory)] if directory else []
        return self._own[directory]

    def _directory_of(self, file: str, configuration: Configuration) -> str | None:
        """The directory of a configuration's host: one that it refers to, has the name of, or names."""
        computed = []
        for reference in (*configuration.references, *self.repository.nix[file].references):
            if SOME in reference.path:
                computed.append(reference)
            elif reference in configuration.references:
                for path in self.repository.leads_to(file, reference):
                    found = max((each for each in self.directories if _in(path, each)), key=len, default=None)
                    if found is not None:
                        return found
        for name in (configuration.name, *configuration.texts):
            for directory in self.directories:
                if _stem(directory) == name or directory.endswith(f"/{name}"):
                    return directory
        for reference in computed:
            path = posixpath.normpath(
                posixpath.join(
                    "" if reference.path.startswith("/") else posixpath.dirname(file), reference.path.lstrip("/")
                )
            ).replace(SOME, configuration.name)
            if path in self.directories:
                return path
        return None

    def _given_by(
        self, directory: str, computed: Sequence[tuple[str, Configuration]]
    ) -> tuple[str | None, Place | None]:
        """The name by which outputs that are computed give out a directory's host, and where; "" if they do not, None
        if that is not to be told."""
        name = _stem(directory)
        for file, configuration in computed:
            if configuration.output == "nixosConfigurations":
                led = (path for each in configuration.references for path in self.repository.leads_to(file, each))
                if name in configuration.texts or any(_in(path, directory) for path in led):
                    return name, Place(file, configuration.line)
        flake = self.repository.flake
        told = flake is None or flake.empty or any(output.name == "nixosConfigurations" for output in flake.outputs)
        told = told and not any(each.output == "nixosConfigurations" for _, each in computed)
        return "" if told else None, None

    # What a host comes to -------------------------------------------------------------------------------------------

    def _host(
        self, name: str, directory: str, output: str | None, told_in: str = "", own: Configuration | None = None
    ) -> Host:
        repository = self.repository
        files = self._own_files(directory)
        start = [path for path in files if posixpath.basename(path) in _ENTRIES or path == directory]
        start = start or [path for path in files if path.endswith(".nix")]
        others = [each for each in self.directories if each != directory and not each.endswith(".nix")]
        for reference in own.references if own is not None else ():
            led = repository.leads_to(told_in, reference, name)
            guessed = SOME in reference.path
            start += [each for each in led if not (guessed and any(_in(each, other) for other in others))]
        start = self._with_own_modules(start, name, others)
        files = [path for path in repository.closure(start, name, others) if posixpath.basename(path) != "flake.nix"]
        settings, packages = held(repository, files, own.settings if own is not None else (), told_in)
        kind = kind_of(repository, directory or name, self._own_files(directory or name), settings)
        unknown = "its place among the flake's outputs" if output is None else ""
        unknown = unknown or (own.opaque[0] if own is not None and own.opaque else "")
        if not (files or unknown or (own is not None and own.settings)):
            unknown = "all of it"
        foreign = [each for path in files for each in repository.nix[path].modules if _may_set(each.name)]
        foreign += [Named(each, 0) for each in (own.modules if own is not None else ()) if _may_set(each)]
        broken = [path for path in start if path in repository.nix and repository.nix[path].broken]
        broken = [path for path in broken if _in(path, directory) and not repository.nix[path].empty]
        if broken and not unknown:
            unknown = f"{broken[0]}, which cannot be read"
        for path in files:
            opaque = repository.nix[path].opaque
            if opaque and not unknown:
                unknown = f"{opaque[0].name} ({path}:{opaque[0].line})"
        host = Host(
            name,
            directory,
            kind,
            output,
            tuple(files),
            settings,
            packages,
            given=Place(told_in, own.line) if own is not None and output else None,
            unknown=unknown,
            foreign=foreign[0].name if foreign else "",
        )
        host.has.update(self._parts(host))
        return host

    def _with_own_modules(self, start: Iterable[str], name: str, others: Sequence[str]) -> list[str]:
        """Files, and the repository's own modules where one of them takes in those that the flake gives out."""
        found = list(start)
        for path in self.repository.closure(found, name, others):
            for module in self.repository.nix[path].modules:
                names = module.name.split(".")
                at = next((number for number, each in enumerate(names) if each.endswith(("Modules", "Module"))), None)
                if at is None or not {"self", "outputs"} & set(names[:2]):
                    continue
                if names[at + 1 :]:
                    found += self._given_as(names[at + 1])
                else:  # `builtins.attrValues self.nixosModules`
                    layer = "nixos" if names[at].startswith("nixos") else "home-manager"
                    found += [each.path for each in self.repository.modules if each.layer == layer]
        return found

    def _given_as(self, name: str) -> list[str]:
        """The modules that the flake gives out by a name: those of that name, or what the flake says of it."""
        named = [each.path for each in self.repository.modules if _stem(each.path.removesuffix("/default.nix")) == name]
        facts = self.repository.flake
        lines = {each.line for each in facts.given if each.name == name} if facts is not None else set()
        told = [
            path
            for each in (facts.references if facts is not None else ())
            if each.line in lines
            for path in self.repository.leads_to("flake.nix", each)
        ]
        return told or named

    def _parts(self, host: Host) -> Iterator[tuple[str, Place]]:
        hardware = [path for path in self._own_files(host.directory) if posixpath.basename(path) in _HARDWARE]
        hardware = [path for path in hardware if host.directory and self._says_something(path)]
        if hardware:
            yield "hardware", Place(hardware[0], 0)
        elif (seen := host_sets(host, *OF_HARDWARE)) is not None:
            yield "hardware", seen.place
        else:
            module = next(
                (
                    Place(path, module.line)
                    for path in host.files
                    for module in self.repository.nix[path].modules
                    if "hardware" in module.name.split(".nixosModules")[0]
                    or module.name.startswith("modulesPath/profiles/qemu-guest")
                ),
                None,
            )
            if module is not None:
                yield "hardware", module
        if (seen := host_sets(host, *OF_DISKS)) is not None:
            yield "disks", seen.place
        user = next((seen for seen in host.settings if _is_person(seen.path)), None)
        if user is not None:
            yield "users", user.place
        if (home := self._home(host)) is not None:
            yield "home", home

    def _home(self, host: Host) -> Place | None:
        for path in host.files:
            facts = self.repository.nix[path]
            for setting in facts.settings:
                if under(setting.path, "home-manager.users"):
                    return Place(path, setting.line)
        for file, each in self.configurations:
            if each.output == "homeConfigurations" and each.name.partition("@")[2] in (
                host.name,
                host.output or host.name,
            ):
                return Place(file, each.line)
            if each.name and each.name == host.output and each.output == "nixosConfigurations":
                for setting in each.settings:
                    if under(setting.path, "home-manager.users"):
                        return Place(file, setting.line)
        return None

    def _says_something(self, path: str) -> bool:
        facts = self.repository.nix.get(path)
        return facts is None or (bool(facts.settings or facts.references or facts.modules) and not facts.broken)


def _may_set(module: str) -> bool:
    """Whether a module from elsewhere may set what hosts lack: one that is not known for declaring options alone."""
    words = set(re.findall(r"[a-z0-9-]+", module.lower()))
    if module.startswith("modulesPath/"):
        return "installer" in words and "scan" not in words
    if words & {"self", "outputs"}:
        return False
    return not any(word in known or word.removeprefix("nix-") in known for word in words for known in [_INERT])


_INERT = frozenset(
    {
        *("disko", "home-manager", "hm", "sops", "sops-nix", "agenix", "agenix-rekey", "ragenix", "impermanence"),
        *("preservation", "nixos-hardware", "hardware", "lanzaboote", "opnix", "stylix", "catppuccin", "colors"),
        *("nixvim", "index-database", "nur", "facter", "nixos-facter-modules", "niri", "hyprland", "flatpak"),
        *("microvm", "quadlet-nix", "vscode-server", "plasma-manager", "xremap", "xremap-flake", "spicetify-nix"),
        *("minecraft", "mailserver", "nixos-mailserver", "simple-nixos-mailserver", "declarative-flatpak", "nvf"),
    }
)
"""Flakes whose modules set nothing until their options do."""


def held(
    repository: Repository, files: Iterable[str], inline: Iterable[Setting] = (), told_in: str = ""
) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
    """The settings and the packages that are in force on a host that has all of some files, and the modules written in
    place in the file `told_in`: those whose switches are on."""
    facts = {path: repository.nix[path] for path in files}
    settings = [(path, each) for path, said in facts.items() for each in said.settings]
    settings += [(told_in, each) for each in inline]
    options = [each for said in facts.values() for each in said.options]
    # What is no switch is not on or off: `time.timeZone = cfg.timeZone` is set in any case.
    on = {each.path for each in options if each.default == "true" or each.type not in ("", "bool")}
    maybe = {UNKNOWN, *on, *(each.path for each in options if each.default not in ("", "true", "false"))}
    switches = [each for _, each in settings if each.value == "true"]
    count = -1
    while count < len(on) + len(maybe):
        count = len(on) + len(maybe)
        on |= {each.path for each in switches if on.issuperset(each.needs)}
        maybe |= {each.path for each in switches if maybe.issuperset(each.needs)}
    best: dict[str, int] = {}
    for _, each in settings:
        if on.issuperset(each.needs):
            best[each.path] = min(best.get(each.path, each.priority), each.priority)
    return (
        tuple(
            Seen(at_home(each.path), each.value, Place(path, each.line), on.issuperset(each.needs))
            for path, each in settings
            if maybe.issuperset(each.needs) and each.priority <= best.get(each.path, each.priority)
        ),
        tuple(
            Seen(each.name, "", Place(path, each.line), on.issuperset(each.needs))
            for path, said in facts.items()
            for each in said.packages
            if maybe.issuperset(each.needs)
        ),
    )


def _in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory}/")


def _is_person(path: str) -> bool:
    """Whether a setting is about somebody who logs in; what only computes the accounts may be."""
    if path == "users.users":
        return True
    parts = path.split(".")
    if parts[:2] != ["users", "users"] or len(parts) < 3 or parts[2] in _USERS_OF_THE_SYSTEM:
        return False
    return len(parts) == 3 or parts[3] in _OF_A_PERSON


def _of_a_mac(path: str) -> bool:
    return path.startswith(("homebrew.", "system.defaults.", "services.yabai.", "services.skhd."))


def _entries_of(directory: str) -> tuple[str, ...]:
    return (directory, *(f"{directory}/{entry}" for entry in _ENTRIES))


def at_home(path: str) -> str:
    """A setting's path in its own scope: of a home's, what stands behind the person's name."""
    if path.startswith("home-manager.users."):
        parts = path.split(".")
        return ".".join(parts[3:]) or path
    return path


def _stem(directory: str) -> str:
    return posixpath.basename(directory).removesuffix(".nix")
