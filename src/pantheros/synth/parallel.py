"""Work on many things, shared among the processors."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pantheros.findings import PantherError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[list[T]], list[R]], things: list[T], worth_a_process: int) -> list[R]:
    """What `work` makes of the things, in their order; each process gets at least `worth_a_process` of them.

    `work` sees a copy of everything there is when it starts, and its results travel back pickled.
    """
    shares = min(_processors(), len(things) // worth_a_process)
    if shares < 2:
        return work(things)
    # Loaded where there is much to do; small builds do without.
    import multiprocessing  # noqa: PLC0415

    context = multiprocessing.get_context("fork")
    others = []
    for share in range(1, shares):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_send, args=(work, things[share::shares], sending), daemon=True)
        # Ctrl-C is for us to answer: at our end the others are ended, without a word of theirs.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        sending.close()
        others.append((process, receiving))
    results: list[list[R]] = [work(things[::shares])]
    for process, receiving in others:
        results.append(_received(receiving))
        process.join()
    return [results[index % shares][index // shares] for index in range(len(things))]


def _processors() -> int:
    # Elsewhere a fork may break the system's own libraries.
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _send(work: Callable[[list[T]], list[R]], things: list[T], sending: Connection) -> None:
    try:
        sending.send((work(things), None))
    except Exception as error:
        sending.send((None, error))


def _received(receiving: Connection) -> list[R]:
    try:
        results, error = receiving.recv()
    except EOFError:
        raise PantherError(
            "a process of the build was ended from outside", help="perhaps for want of memory: build again"
        ) from None
    if error is not None:
        raise error
    return results  # type: ignore[no-any-return]  # a pipe knows no types
