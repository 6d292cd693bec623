"""`panther spec review`: what somebody says of a change in a role; and which gates are open."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from pantheros.cli.output import print_json, say, table
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, open_change, settled
from pantheros.findings import PantherError, nearest
from pantheros.git import user
from pantheros.specs.kinds import REVIEWER, ROLES
from pantheros.specs.policy import Gate, implementers, read_policy, reviewed, standing
from pantheros.specs.record import Review, same_person, with_review
from pantheros.specs.recording import update_record
from pantheros.specs.tree import required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    role: Annotated[str, typer.Option("--as", metavar="ROLE", help="In which role.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="It may go on.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It may not.")] = False,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Who says so; else whom git knows.")] = "",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    policy = read_policy(root)
    before = standing(root, policy, change)
    if approve or reject:
        if approve and reject:
            raise PantherError("it is either approved or rejected")
        if role not in ROLES:
            guess = nearest(role, ROLES)
            help = f"did you mean {guess}?" if guess else f"--as takes {', '.join(ROLES)}"
            raise PantherError(f"there is no role '{role}'" if role else "in which role?", help=help)
        if not message.strip():
            raise PantherError("say why, with -m")
        who = name or user(root.path)
        if not who:
            raise PantherError("git does not know who you are", help="say --name, or set user.name and user.email")
        did_it = implementers(root, path, before.record) if role == REVIEWER else []
        if any(same_person(who, each) for each in did_it):
            raise PantherError(f"{who} implemented {change}, and cannot be its reviewer", help="ask somebody else")
        verdict: Literal["approve", "reject"] = "approve" if approve else "reject"
        seen = reviewed(root, path, before.record, role)
        review = Review(role, who, f"{date.today()}", verdict, message.strip(), seen)
        update_record(root, path, lambda record: with_review(record, review))
        before = standing(root, policy, change)
    if json:
        print_json(
            {"change": change, "gates": [_as_json(gate) for gate in before.gates], "missing": list(before.missing)}
        )
        return 0
    for lack in before.missing:
        say(("missing: ", "bold yellow"), lack)
    if before.gates:
        stages = {"implement": "implemented", "archive": "archived"}
        rows = [[each.role, stages[each.stage], "open" if each.open else "closed", each.why] for each in before.gates]
        table(["role", "before it is", "gate", ""], rows)
    else:
        say("no gates: the change has no `kind`, and the project no openspec/policy.toml")
    return 0


def _as_json(gate: Gate) -> dict[str, object]:
    return {"role": gate.role, "stage": gate.stage, "open": gate.open, "stale": gate.stale, "why": gate.why}
