"""A root that starts clean at every boot: what is to stay is said, everything else is gone.

Either the root subvolume is set aside in the initrd and a fresh one takes its place, so that for some days there is a
way back; or the root lies in memory. What modules declare as their state persists by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    Input,
    ModuleOptions,
    Mount,
    Person,
    Resources,
    Settings,
    State,
    Value,
    force,
    key,
    pkg,
    script,
)
from pantheros.modules import boot, users
from pantheros.modules.filesystems import disks

INPUTS = (
    Input(
        "impermanence",
        "github:nix-community/impermanence",
        follows=("nixpkgs", "home-manager"),
        nixos=("nixosModules.impermanence",),
    ),
)

AbsolutePath = Annotated[
    str, Field(pattern=r"^(/[^/\s]+)+$", description="an absolute path without blanks or a `/` at its end")
]
HomePath = Annotated[
    str,
    Field(pattern=r"^[^/\s][^/]*(/[^/]+)*$", description="a path below the home directory without a `/` at its end"),
]
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3,4}$", description='permissions such as "0750"')]


class Directory(Group):
    path: AbsolutePath
    """The directory."""
    user: str = "root"
    """Whose it is when it is made."""
    group: str = "root"
    """The group it belongs to when it is made."""
    mode: Mode = "0755"
    """Its permissions when it is made."""


class HomeDirectory(Group):
    path: HomePath
    """The directory, below the home directory."""
    mode: Mode = "0755"
    """Its permissions when it is made."""


_HOME: list[HomePath | HomeDirectory] = [
    "Desktop",
    "Documents",
    "Downloads",
    "Music",
    "Pictures",
    "Videos",
    HomeDirectory(path=".gnupg", mode="0700"),
    HomeDirectory(path=".local/share/keyrings", mode="0700"),
    HomeDirectory(path=".ssh", mode="0700"),
]


class Home(Group):
    directories: list[HomePath | HomeDirectory] = _HOME
    """Directories below the home that persist, each a path or a table; a list of one's own takes the place of the
    standard one."""
    files: list[HomePath] = []
    """Files below the home that persist."""


class Tmpfs(Group):
    size: Annotated[str, Field(pattern=r"^([1-9]\d*[MGT]|[1-9]\d?%)$", description='a size such as "2G" or "25%"')] = (
        "50%"
    )
    """How large a root in memory may grow, absolute or in percent of the memory. It takes only what is in use; but
    what is in use can't be given back, other than by swapping."""


class Options(ModuleOptions):
    mode: Literal["btrfs", "tmpfs"] = "btrfs"
    """`btrfs`: the root subvolume is set aside at boot, and an empty one takes its place. `tmpfs`: the root lies in
    memory, and there is no way back."""
    keep_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """How many days old roots are kept, in `old-roots` at the top of the Btrfs file system; 0 keeps none."""
    tmpfs: Tmpfs = Tmpfs()
    """A root in memory."""
    path: AbsolutePath = "/persist"
    """Where that lies which persists: the mount point of a volume of `filesystems.disks`."""
    directories: list[AbsolutePath | Directory] = []
    """Directories that persist, besides the system's own (`/var/lib/nixos`, `/var/lib/systemd`, `/var/log`) and what
    modules declare as their state. Each is a path, or a table where owner or permissions matter."""
    files: list[AbsolutePath] = []
    """Files that persist, besides `/etc/machine-id` and those that modules declare as their state."""
    home: Home = Home()
    """What persists of people's homes, where those lie on the root: they don't when there is a volume `home`, as there
    is by default. Said for one person, it goes under `[people.<name>.pantherOS.filesystems.impermanence.home]`."""
    hide_mounts: bool = True
    """Keep the mounts of persistent directories out of file managers."""


OLD_ROOTS = "old-roots"
"""The directory at the top of the file system that holds old roots."""


def nixos(o: Options, host: Host) -> Settings:
    ground = _Ground(disks.places(host), o.path)
    if o.mode == "tmpfs":
        # the root subvolume stays, unused, so that going back to `btrfs` needs no new layout
        place = f"fileSystems.{key('/')}"
        yield f"{place}.device", force("none")
        yield f"{place}.fsType", force("tmpfs")
        yield f"{place}.options", force(["defaults", f"size={o.tmpfs.size}", "mode=755"])
    elif ground.root and ground.root.subvolume:
        yield from _fresh_root(o, ground.root, ground.root.subvolume)
    yield f"fileSystems.{key(o.path)}.neededForBoot", True
    persistent = f"environment.persistence.{key(o.path)}"
    directories = _system_directories(o, host, ground)
    yield f"{persistent}.hideMounts", o.hide_mounts
    yield f"{persistent}.directories", [_directory(kept) for kept in directories]
    yield f"{persistent}.files", list(_system_files(o, host, ground, directories))
    for person in host.people:
        if ground.loses(person.home):
            directories = _home_directories(person, ground)
            files: list[Value] = [*_home_files(person, ground, directories)]
            if directories:
                yield f"{persistent}.users.{key(person.name)}.directories", [_directory(kept) for kept in directories]
            if files:
                yield f"{persistent}.users.{key(person.name)}.files", files


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where paths lie, and so what becomes of them."""

    places: tuple[disks.Place, ...]
    persistent: str

    @property
    def root(self) -> disks.Place | None:
        return next((place for place in self.places if place.mount_point == "/"), None)

    def volume(self, path: str) -> disks.Place | None:
        """The volume that keeps a path; None when it lies on the root."""
        under = disks.containing(self.places, path)
        return under if under and under.mount_point != "/" else None

    def loses(self, path: str) -> bool:
        """Whether a path lies on the root, and so is gone after a boot."""
        return self.volume(path) is None and not _inside(path, self.persistent) and not _volatile(path)


def _volatile(path: str) -> bool:
    """Whether the system itself makes a path anew at each boot."""
    return any(_inside(path, directory) for directory in ("/dev", "/proc", "/run", "/sys", "/tmp"))


# The fresh root -----------------------------------------------------------------------------------------------


def _fresh_root(o: Options, root: disks.Place, subvolume: str) -> Settings:
    device = disks.unit_name(root.device, "device")
    clear = script(__file__, "_impermanence/scripts/fresh-root")
    arguments = f"{root.device} {subvolume} {OLD_ROOTS} {o.keep_days}"
    # the scripted initrd is on its way out, and has no units to order this by
    yield "boot.initrd.systemd.enable", True
    yield "boot.initrd.systemd.extraBin.btrfs", f"{pkg('btrfs-progs')}/bin/btrfs"
    yield "boot.initrd.systemd.storePaths", [f"{clear}"]
    yield (
        "boot.initrd.systemd.services.fresh-root",
        {
            "description": "A fresh root in place of the old one",
            "wantedBy": ["initrd.target"],
            "requires": [device],
            # a machine that resumes from hibernation still uses its root
            "after": [device, "systemd-hibernate-resume.service", "local-fs-pre.target"],
            "before": ["sysroot.mount"],
            "unitConfig": {"DefaultDependencies": False, "ConditionKernelCommandLine": "!keep-root"},
            "serviceConfig": {
                "Type": "oneshot",
                "RemainAfterExit": True,
                "ExecStart": f"/bin/bash {clear} {arguments}",
            },
        },
    )


# What persists ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """A directory that persists, and how it is made the first time."""

    path: str
    user: str | None = None
    group: str | None = None
    mode: str = "0755"


def _directory(kept: _Kept) -> Value:
    found: dict[str, Value] = {"directory": kept.path}
    if kept.user and (kept.user, kept.group) != ("root", "root"):
        found |= {"user": kept.user, "group": kept.group}
    if kept.mode != "0755":
        found["mode"] = kept.mode
    return found if len(found) > 1 else kept.path


_SYSTEM = ("/var/lib/nixos", "/var/lib/systemd", "/var/log")
"""Numbers of accounts; timers, the random seed, core dumps and more; logs."""


def _system_directories(o: Options, host: Host, ground: _Ground) -> list[_Kept]:
    kept = {path: _Kept(path) for path in _SYSTEM}
    for state in _states(host, "directory"):
        kept[state.path] = _Kept(state.path, state.user, state.group, state.mode)
        if state.path.startswith("/var/lib/private/"):
            # systemd insists that nobody else may look into it
            kept["/var/lib/private"] = _Kept("/var/lib/private", mode="0700")
    for directory in o.directories:
        if isinstance(directory, Directory):
            kept[directory.path] = _Kept(directory.path, directory.user, directory.group, directory.mode)
        else:
            kept.setdefault(directory, _Kept(directory))
    return [kept[path] for path in _outermost(kept) if ground.loses(path)]


def _system_files(o: Options, host: Host, ground: _Ground, directories: list[_Kept]) -> Iterator[str]:
    for path in sorted({"/etc/machine-id", *(state.path for state in _states(host, "file")), *o.files}):
        if ground.loses(path) and not any(_inside(path, kept.path) for kept in directories):
            yield path


def _home_directories(person: Person, ground: _Ground) -> list[_Kept]:
    kept = {state.path: _Kept(state.path, mode=state.mode) for state in _states(person.host, "directory", person)}
    for directory in person[Options].home.directories:
        if isinstance(directory, HomeDirectory):
            kept[directory.path] = _Kept(directory.path, mode=directory.mode)
        else:
            kept.setdefault(directory, _Kept(directory))
    return [kept[path] for path in _outermost(kept) if ground.loses(f"{person.home}/{path}")]


def _home_files(person: Person, ground: _Ground, directories: list[_Kept]) -> Iterator[str]:
    states = (state.path for state in _states(person.host, "file", person))
    for path in sorted({*states, *person[Options].home.files}):
        if ground.loses(f"{person.home}/{path}") and not any(_inside(path, kept.path) for kept in directories):
            yield path


def _states(host: Host, kind: Literal["directory", "file"], person: Person | None = None) -> Iterator[State]:
    name = person.name if person else None
    return (state for state in host.resources(State) if state.kind == kind and state.person == name)


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths that lie in none of the others, in order."""
    found: list[str] = []
    for path in sorted(paths, key=lambda path: path.split("/")):
        if not found or not _inside(path, found[-1]):
            found.append(path)
    return sorted(found)


def _inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


# Findings -----------------------------------------------------------------------------------------------------


def resources(o: Options, host: Host) -> Resources:
    if o.mode == "tmpfs":
        yield Mount("/")


def findings(o: Options, host: Host) -> Findings:
    if not host[disks.Options].enable:
        yield Finding(
            "impermanence-without-disks",
            "nothing is known of this host's disks, so nothing can be said of its root",
            at="enable",
            help="let `pantherOS.filesystems.disks` lay them out (`enable = true` and `device`)",
        )
        return
    ground = _Ground(disks.places(host), o.path)
    yield from _about_volumes(o, ground)
    if o.mode == "tmpfs":
        yield from _about_tmpfs(o, host)
    elif host[boot.Options].enable and not host[boot.Options].initrd.systemd:
        yield Finding(
            "fresh-root-needs-systemd",
            "the root is made anew by systemd in the initial RAM disk, and `boot.initrd.systemd` is off",
            at="mode",
            help='take `initrd.systemd = false` out of `pantherOS.boot`, or take `mode = "tmpfs"`',
        )
    yield from _about_paths(o, host, ground)
    yield from _about_passwords(host, ground)


def _about_volumes(o: Options, ground: _Ground) -> Findings:
    found, root = ground.places, ground.root
    mount_points = {place.mount_point for place in found}
    if o.mode == "btrfs" and not (root and root.subvolume):
        yield Finding(
            "root-not-btrfs",
            f"the root is {root.filesystem}, which has no subvolumes to set aside"
            if root
            else "there is no root volume to set aside",
            at="mode",
            help='take `mode = "tmpfs"`, or `filesystem = "btrfs"` in `pantherOS.filesystems.disks`',
        )
    if o.path not in mount_points:
        yield Finding(
            "no-persistent-volume",
            f"no volume is mounted at {o.path}, so what is to persist would vanish with the root",
            at="path",
            help=_add_volume("persist", o.path, found),
        )
    if not mount_points & {"/nix", "/nix/store"}:
        yield Finding(
            "nix-on-root",
            "the Nix store lies on the root, and would vanish with it: nothing could boot",
            at="mode",
            help=_add_volume("nix", "/nix", found),
        )


def _add_volume(name: str, path: str, found: tuple[disks.Place, ...]) -> str:
    if any(place.filesystem == "btrfs" for place in found):
        return f'add `volumes.{name}.mountPoint = "{path}"` to `pantherOS.filesystems.disks`'
    return f'add `volumes.{name} = {{ mountPoint = "{path}", size = "64G" }}` to `pantherOS.filesystems.disks`'


def _about_tmpfs(o: Options, host: Host) -> Findings:
    memory = host.hardware.memory if host.hardware else None
    number, unit = int(o.tmpfs.size[:-1]), o.tmpfs.size[-1]
    size = memory * number // 100 if unit == "%" and memory else None
    if unit != "%":
        size = number * {"M": 1024**2, "G": 1024**3, "T": 1024**4}[unit]
    if size and memory and size > memory * 3 // 4:
        yield Finding(
            "tmpfs-fills-memory",
            f"a root of {o.tmpfs.size} may take nearly all of the {memory // 1024**3} GiB of memory, or more",
            severity="warning",
            at="tmpfs.size",
            help='take "50%" or less',
        )
    if size and size < 512 * 1024**2:
        yield Finding(
            "tmpfs-too-small",
            f"a root of {o.tmpfs.size} leaves no room for /tmp: builds and updates will fail",
            severity="warning",
            at="tmpfs.size",
            help='take "1G" or more',
        )


_ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid")


def _about_paths(o: Options, host: Host, ground: _Ground) -> Findings:
    directories = [d.path if isinstance(d, Directory) else d for d in o.directories]
    for option, paths in (("directories", directories), ("files", o.files)):
        for path in paths:
            if path in _ACCOUNTS or path == "/etc":
                yield Finding(
                    "accounts-can-not-persist",
                    f"{path} is written anew at every boot, and can't be a mount",
                    at=option,
                    help="leave it out; passwords come from `passwordFile` of `pantherOS.users`",
                )
            elif not ground.loses(path):
                yield _persistent_already(ground, path, option)
    for person in host.people:
        if not ground.loses(person.home) and person[Options].home != Home():
            yield _persistent_already(ground, person.home, "home")
    for state in host.resources(State):
        if state.person is None and _volatile(state.path):
            yield Finding(
                "state-on-volatile-path",
                f"a module keeps state in {state.path}, which the system makes anew at each boot",
                severity="warning",
                at="enable",
                help="have the module keep it below /var/lib",
            )


def _persistent_already(ground: _Ground, path: str, option: str) -> Finding:
    if _volatile(path):
        return Finding(
            "volatile-path",
            f"{path} is made anew at each boot, and can't persist",
            at=option,
            help="leave it out",
        )
    if option == "home":
        help = "take it out; or set `volumes.home.enable = false` in `pantherOS.filesystems.disks` for clean homes"
    else:
        help = "take it out here, or the volume out of `pantherOS.filesystems.disks`"
    volume = ground.volume(path)
    where = f"on the volume `{volume.name}`" if volume else "below `path`"
    return Finding("persistent-already", f"{path} lies {where}, and persists anyway", "warning", help=help, at=option)


def _about_passwords(host: Host, ground: _Ground) -> Findings:
    accounts = host[users.Options]
    if accounts.enable and not users.immutable(accounts, host):
        yield Finding(
            "passwords-vanish",
            "passwords that are set on the machine are gone after a boot",
            severity="warning",
            at="enable",
            help="leave `immutable` of `pantherOS.users` on, and give people a `passwordFile`",
        )
    files = {person.name: person[users.Options].password_file for person in host.people}
    for name, path in {"root": accounts.root.password_file, **files}.items():
        if not path or _inside(path, ground.persistent):
            continue
        volume = ground.volume(path)
        if not volume or not volume.in_initrd:
            yield Finding(
                "password-file-vanishes",
                f"the password of {name} is read from {path} before persistent files are in their places",
                at="path",
                help=f"put it below {ground.persistent} itself, such as {ground.persistent}/passwords/{name}",
            )
