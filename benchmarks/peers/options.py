"""What every peer process is started with."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from benchmarks.warm import Entries, read_states
from producers.settings import Settings, load_settings


@dataclass(frozen=True)
class PeerOptions:
    """`ticks` are expected in all; `states` are what the partitions start from; `work` is an empty folder."""

    settings: Settings
    ticks: int
    states: Entries
    work: Path


def parse(description: str | None) -> PeerOptions:
    """From the command line; addresses come from the environment, as for every process of Allocast."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--ticks", type=int, required=True, help="ticks in the log")
    parser.add_argument("--states", type=Path, required=True, help="file with the warm states")
    parser.add_argument("--work", type=Path, required=True, help="empty folder for the engine's own store")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    return PeerOptions(load_settings(), given.ticks, read_states(given.states), given.work)
