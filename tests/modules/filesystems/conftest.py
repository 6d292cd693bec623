"""A real Btrfs file system in a file, for scripts that work on one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Btrfs:
    """A Btrfs file system on a loop device, not mounted unless asked for."""

    def __init__(self, device: str, mount_point: Path) -> None:
        self.device = device
        self._mount_point = mount_point

    @contextmanager
    def mounted(self, subvolume: str = "") -> Iterator[Path]:
        which = f"subvol={subvolume}" if subvolume else "subvolid=5"
        _run("mount", "-t", "btrfs", "-o", which, self.device, str(self._mount_point))
        try:
            yield self._mount_point
        finally:
            _run("umount", str(self._mount_point))

    def subvolumes(self) -> list[str]:
        with self.mounted() as top:
            listed = _run("btrfs", "subvolume", "list", str(top))
        return sorted(line.partition(" path ")[2] for line in listed.splitlines())


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Btrfs]:
    for program in ("mkfs.btrfs", "btrfs", "losetup", "mount", "chattr"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    image = tmp_path / "disk.img"
    with image.open("wb") as opened:
        opened.truncate(256 * 1024 * 1024)
    _run("mkfs.btrfs", "-q", str(image))
    found = subprocess.run(["losetup", "--find", "--show", str(image)], check=False, capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"no loop device: {found.stderr.strip()}")
    device = found.stdout.strip()
    mount_point = tmp_path / "mounted"
    mount_point.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "btrfs", device, str(mount_point)], check=False, capture_output=True, text=True
        )
        if mounted.returncode:
            pytest.skip(f"mounting is not permitted here: {mounted.stderr.strip()}")
        _run("umount", str(mount_point))
        yield Btrfs(device, mount_point)
    finally:
        _run("losetup", "--detach", device)


@pytest.fixture
def shellcheck(tmp_path: Path) -> Callable[[str], None]:
    """Judge a script by shellcheck."""

    def shellcheck(text: str) -> None:
        program = shutil.which("shellcheck")
        if not program:
            pytest.skip("shellcheck is not installed")
        script = tmp_path / "script"
        script.write_text(text, encoding="utf-8")
        judged = subprocess.run([program, str(script)], check=False, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout

    return shellcheck
