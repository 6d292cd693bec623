"""`panther spec emergency`: implement first; what has to be written down afterwards is dated."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import say
from pantheros.cli.spec.shared import DirectoryOption, settled
from pantheros.findings import PantherError
from pantheros.specs.generate import New, begin
from pantheros.specs.kinds import KINDS
from pantheros.specs.policy import read_policy
from pantheros.specs.record import Emergency
from pantheros.specs.tree import root_of


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, such as close-port-2375.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it cannot wait.")] = "",
    kind: Annotated[str, typer.Option("--kind", metavar="K", help="What kind of change it is.")] = "security",
    directory: DirectoryOption = Path(),
) -> int:
    if not reason.strip():
        raise PantherError("say why it cannot wait, with --reason")
    if kind not in KINDS:
        raise PantherError(f"there is no kind '{kind}'", help=", ".join(KINDS))
    root = settled(root_of(directory))
    policy, today = read_policy(root), date.today()
    document_by = today + timedelta(days=policy.document_within_days)
    review_by = today + timedelta(days=policy.review_within_days)
    emergency = Emergency(reason.strip(), f"{today}", f"{document_by}", f"{review_by}")
    for path in begin(root, New(name, KINDS[kind], priority="critical"), today, emergency):
        say(path.as_posix())
    say(f"Do what has to be done now. It is to be documented by {document_by}, and reviewed by {review_by}.")
    return 0
