"""Which commands there are, and the file of each. A command's file is imported when it is run.

It has the function `command`; or, where there are subcommands, `commands`: functions by their names, with docstrings as
help. Subcommands that are many have a directory and a list of their own, in the same way.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from pantheros.cli.output import alone_on_output, report
from pantheros.findings import BrokenModule

COMMANDS = {
    "init": "Begin a fleet: write its files and explain them.",
    "build": "Build the fleet's flake.",
    "check": "Find every mistake that can be found without Nix.",
    "diff": "Show what a change means: settings of hosts, before and after.",
    "explain": "Explain the code of a finding.",
    "hosts": "List the hosts.",
    "show": "Show what a host comes to: options and settings.",
    "why": "Explain an option or a setting of a host: who set it, and what won.",
    "options": "Find and explain options, and fetch a release's list of them.",
    "modules": "Show the library: modules and their options.",
    "schema": "Print the JSON Schema of the fleet's files.",
    "gaps": "Find what a repository has, and what it lacks.",
    "context": "Tell what somebody who comes to a repository anew has to know.",
    "roadmap": "Show phases, milestones and changes, and when they can be done.",
    "spec": "Plan, review and archive changes, by the process of OpenSpec.",
}


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    words = [word for word in arguments if not word.startswith("-")]
    app = _app([words[0]] if words and words[0] in COMMANDS else list(COMMANDS), words[1] if words[1:] else "")
    try:
        app(arguments, prog_name="panther")
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else 0
    return 0


def _app(names: list[str], below: str) -> typer.Typer:
    app = typer.Typer(
        help="One typed description of a NixOS fleet in, a plain NixOS flake out.",
        no_args_is_help=True,
        add_completion=len(names) > 1,
        pretty_exceptions_enable=False,
        rich_markup_mode=None if not sys.stdout.isatty() else "rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def panther(version: bool = typer.Option(False, "--version", "-V", help="Print the version.")) -> None:
        """One typed description of a NixOS fleet in, a plain NixOS flake out."""

    for name in names:
        file: Any = importlib.import_module(f"pantheros.cli.{name}")
        if hasattr(file, "command"):
            app.command(name, help=COMMANDS[name])(_exiting(file.command))
            continue
        group = typer.Typer(no_args_is_help=True)
        for word, command, help in _subcommands(file, below):
            group.command(word, help=help)(_exiting(command))
        app.add_typer(group, name=name, help=COMMANDS[name])
    return app


def _subcommands(file: Any, asked: str) -> Iterator[tuple[str, Callable[..., int], str]]:
    """The subcommands of a command, of which the one asked for is imported, if there is such a one."""
    if hasattr(file, "commands"):
        for word, command in file.commands.items():
            yield word, command, command.__doc__ or ""
        return
    for word in [asked] if asked in file.COMMANDS else file.COMMANDS:
        yield word, importlib.import_module(f"{file.__name__}.{word}").command, file.COMMANDS[word]


def _exiting(command: Callable[..., int]) -> Callable[..., None]:
    """A command returns its exit status; typer wants it raised, and has words of its own for an interrupt."""

    @functools.wraps(command)
    def run_and_exit(*arguments: Any, **options: Any) -> None:
        try:
            with alone_on_output():
                status = command(*arguments, **options)
        except BrokenModule as broken:
            status = report([broken.finding], Path(options.get("fleet") or ""))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            status = 130
        raise typer.Exit(status)

    return run_and_exit
