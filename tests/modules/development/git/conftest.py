"""A home that Git reads, and repositories to work in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pantheros.nix.values import File, Package, Raw, parts, split_path

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"


class Home:
    """A home directory with the configuration that the module makes, as home-manager lays it out; and what happens
    when somebody works there."""

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        self.root = root
        self._store = root / "store"
        self.config = root / "home/.config/git/config"
        self.config.parent.mkdir(parents=True)
        self.config.touch()
        self.variables: dict[str, str] = {}
        self._write(settings)

    def _write(self, settings: dict[str, Any]) -> None:
        for path, value in settings.items():
            names = split_path(path)
            if names[:3] == ("programs", "git", "settings"):
                section, *sub, name = names[3:]
                for one in value if isinstance(value, list) else [value]:
                    self._add(self.config, ".".join([section, *sub, name]), one)
            elif names[:3] == ("programs", "git", "hooks"):
                link = self.root / "hooks" / names[3]
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(self._placed(value))
                self._add(self.config, "core.hooksPath", str(link.parent), once=True)
            elif names == ("programs", "git", "signing", "key"):
                self._add(self.config, "user.signingKey", value)
            elif names == ("programs", "git", "signing", "format"):
                self._add(self.config, "gpg.format", value)
            elif names == ("programs", "git", "signing", "signByDefault"):
                self._add(self.config, "commit.gpgSign", value)
                self._add(self.config, "tag.gpgSign", value)
        for number, include in enumerate(settings.get("programs.git.includes", [])):
            file = self.root / f"include-{number}"
            for section, table in include["contents"].items():
                for name, value in table.items():
                    self._add(file, f"{section}.{name}", value)
            self._add(self.config, f"includeIf.{include['condition']}.path", str(file))

    def _add(self, file: Path, name: str, value: Any, *, once: bool = False) -> None:
        written = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        text = "".join(p if isinstance(p, str) else self._expression(p) for p in parts(str(written)))
        how = ["--replace-all"] if once else ["--add"]
        subprocess.run(["git", "config", "--file", str(file), *how, name, text], check=True)

    def _expression(self, value: Any) -> str:
        if isinstance(value, File):
            return str(self._placed(value))
        if isinstance(value, Package):
            return f"/packages/{value.name}"
        assert isinstance(value, Raw)
        return f"/secrets/{value.code.rsplit('.', 1)[1]}"

    def _placed(self, file: File) -> Path:
        """Every file by itself, as in the Nix store."""
        path = self._store / f"{abs(hash(file.text))}-{file.name}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            path.chmod(0o555 if file.executable else 0o444)
        return path

    def run(self, *command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            "LC_ALL": "C.UTF-8",
            **self.variables,
            **variables,
        }
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        done.stderr += done.stdout
        return done

    def repository(self, name: str = "repository") -> Repository:
        path = self.root / "home" / name
        path.mkdir(parents=True)
        made = self.at(path)
        made.git("init", "--quiet")
        return made

    def at(self, path: Path) -> Repository:
        """A repository that is there already."""
        return Repository(self, path)

    def program(self, name: str, script: str) -> None:
        """A program on PATH."""
        path = self.root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        self.variables["PATH"] = f"{path.parent}:{os.environ['PATH']}"


class Repository:
    def __init__(self, home: Home, path: Path) -> None:
        self.home = home
        self.path = path

    def attempt(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.home.run("git", *arguments, cwd=self.path, **variables)

    def git(self, *arguments: str, **variables: str) -> str:
        done = self.attempt(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str = "text\n", *, executable: bool = False) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if executable:
            path.chmod(0o755)

    def add(self, name: str, text: str = "text\n") -> None:
        self.write(name, text)
        self.git("add", "--", name)

    def own_hook(self, name: str, script: str) -> None:
        self.write(f".git/hooks/{name}", f"#!/usr/bin/env bash\n{script}\n", executable=True)

    def commit(self, message: str = "a commit", *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.attempt("commit", "--message", message, *arguments, **variables)

    def commits(self) -> int:
        done = self.attempt("rev-list", "--count", "HEAD")
        return int(done.stdout) if done.returncode == 0 else 0

    def remote(self, name: str = "remote.git") -> Path:
        path = self.home.root / name
        done = self.home.run("git", "init", "--bare", "--quiet", str(path), cwd=self.home.root)
        assert done.returncode == 0, done.stderr
        self.git("remote", "add", "origin", str(path))
        return path


@pytest.fixture
def home(fleet: Callable[..., Any], tmp_path: Path) -> Callable[[str], Home]:
    def home(text: str) -> Home:
        settings = fleet(ON + text).home(module=MODULE)
        return Home(tmp_path / "machine", settings)

    return home


@pytest.fixture
def hooked(home: Callable[[str], Home]) -> Callable[[str], Repository]:
    """A repository whose owner has these hooks."""

    def hooked(hooks: str) -> Repository:
        return home(f"[pantherOS.development.git.hooks]\n{hooks}\n").repository()

    return hooked
