"""Which model answers: the one place where `champion` and the links beside it move, for whoever decides.

A move is written down before anything moves and struck out when links, registry and log agree. Who is killed in
between leaves the note, and the training service carries the move out again: every part of it may be repeated.
One process moves at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from producers import topics
from producers.errors import TryAgain
from producers.outbox import send_one
from producers.request import MODEL
from training import artefact, outcome
from training.artefact import CHALLENGER, CHAMPION, PREVIOUS
from training.events import SCHEMA, ModelEvent, event

log = logging.getLogger("training")

NOTE = ".moving.json"
LOCK = ".moving.lock"
PATIENCE_S = 60.0


class Move(msgspec.Struct, frozen=True):
    """`aliases` : link -> version, None to take it away; those not named stay.   `said` : the event of the move.

    `judged` : the version whose registry entry gets `tags`.
    """

    aliases: dict[str, str | None]
    said: ModelEvent
    judged: str
    tags: dict[str, str]


@contextlib.contextmanager
def alone(models: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Nobody else moves anything in the block. Raises TryAgain when another one does not come to an end."""
    deadline = time.monotonic() + patience_s
    with (models / LOCK).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TryAgain("another change of the served model is under way; try again") from None
                time.sleep(0.05)
        yield


def begin(models: Path, move: Move) -> outcome.Child:
    """Note the move and move the links; the process that tells the registry is returned."""
    scratch = models / f"{NOTE}.new"
    with scratch.open("wb") as file:
        file.write(msgspec.json.encode(move))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(models / NOTE)
    return again(models, move)


def again(models: Path, move: Move) -> outcome.Child:
    """What `begin` does after the note; repeating it changes nothing."""
    # The champion last: whoever sees it finds what it may be rolled back to.
    for alias in (PREVIOUS, CHAMPION, CHALLENGER):
        if alias in move.aliases:
            artefact.point(models, alias, move.aliases[alias])
    return outcome.begin(outcome.Record(move.judged, move.aliases, move.tags))


def pending(models: Path) -> Move | None:
    """The move that somebody did not bring to its end."""
    try:
        return msgspec.json.decode((models / NOTE).read_bytes(), type=Move)
    except OSError:
        return None
    except msgspec.DecodeError as error:
        log.warning("%s: %s; left out", models / NOTE, error)
        (models / NOTE).unlink(missing_ok=True)
        return None


def end(models: Path) -> None:
    """Links, registry and log agree."""
    (models / NOTE).unlink(missing_ok=True)


def by_hand(models: Path, version: str, previous: str | None, kind: str, detail: str) -> Move:
    """A person's choice of version. previous : what a rollback would bring back, None for nothing."""
    aliases: dict[str, str | None] = {CHAMPION: version, PREVIOUS: previous}
    if artefact.pointed(models, CHALLENGER) == version:
        aliases[CHALLENGER] = None
    said = event(
        kind,
        "manual",
        artefact.manifest_of(models / version).request,
        version,
        detail,
        final=True,
        replaced=artefact.champion_version(models) or "",
    )
    return Move(aliases, said, version, {"outcome": f"{kind} {detail}"})


def serve(models: Path, config: Mapping[str, Any], move: Move) -> None:
    """The whole move for a person who waits. config : of `client_config`.

    Raises TryAgain when another move is under way or the broker does not answer; in the latter case the model
    is served all the same and the training service tells the log later.
    """
    with alone(models):
        child = begin(models, move)
        try:
            code = child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        said = told(move, code)
        send_one(config, topics.MODEL_EVENTS, MODEL, msgspec.json.encode(said), SCHEMA)
        end(models)


def told(move: Move, exit_code: int) -> ModelEvent:
    """The event, with a word when the registry could not be told."""
    if exit_code == 0:
        return move.said
    return msgspec.structs.replace(move.said, detail=f"{move.said.detail}; the registry was not told")
