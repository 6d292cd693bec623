"""`panther spec emergency`: implement first; what has to be written down afterwards is dated."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, say
from pantheros.cli.spec.shared import DirectoryOption, settled
from pantheros.findings import PantherError
from pantheros.specs.generate import New, begin, home, hosts_of
from pantheros.specs.kinds import KINDS
from pantheros.specs.policy import read_policy
from pantheros.specs.record import Emergency


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, such as close-port-2375.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it cannot wait.")] = "",
    kind: Annotated[str, typer.Option("--kind", metavar="K", help="What kind of change it is.")] = "security",
    capability: Annotated[
        list[str] | None,
        typer.Option("--capability", metavar="C", help="A capability that it changes; may be said repeatedly."),
    ] = None,
    directory: DirectoryOption = Path(),
) -> int:
    if not reason.strip():
        raise PantherError("say why it cannot wait, with --reason")
    if kind not in KINDS:
        raise PantherError(f"there is no kind '{kind}'", help=", ".join(KINDS))
    root = settled(home(directory))
    policy, today = read_policy(root), date.today()
    document_by = today + timedelta(days=policy.document_within_days)
    review_by = today + timedelta(days=policy.review_within_days)
    emergency = Emergency(reason.strip(), f"{today}", f"{document_by}", f"{review_by}")
    capabilities, rows = tuple(capability or ()), () if KINDS[kind].phase == "2" else hosts_of(root)
    new = New(name, KINDS[kind], capabilities, priority="critical", rows=rows)
    for path in begin(root, new, today, emergency):
        say(path.as_posix())
    if not capabilities:
        message = "No spec is to change by it (`skip_specs` in .openspec.yaml); should one, take that out and write it."
        paragraph("", message)
    message = f"Do what has to be done now. It is to be documented by {document_by}, and reviewed by {review_by}."
    paragraph("", message)
    return 0
