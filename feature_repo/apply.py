"""`python -m feature_repo.apply`: what `feast apply` does, once per feature spec and address.

Feast takes seconds to import and apply; an unchanged repository is recognised without importing it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path

from feature_repo.features import spec_hash
from feature_repo.store import REPO, feast_environment, load_config
from producers.errors import FixAndRestart
from producers.settings import Settings, load_settings, writable


def fingerprint(settings: Settings) -> str:
    """Changes when the definitions, the spec or the place of the offline files change."""
    definitions = (REPO / "definitions.py").read_bytes()
    return hashlib.sha256(definitions + f"{spec_hash()}|{settings.offline_dir}".encode()).hexdigest()


def apply(settings: Settings) -> bool:
    """Apply the definitions. Returns False when the registry already holds exactly these."""
    stamp = settings.registry_file.with_suffix(".applied")
    wanted = fingerprint(settings)
    if settings.registry_file.exists() and stamp.exists() and stamp.read_text() == wanted:
        return False
    from feast.repo_operations import apply_total

    settings.offline_dir.mkdir(parents=True, exist_ok=True)
    settings.registry_file.parent.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    sys.path.insert(0, str(REPO))  # Feast imports `definitions` by its bare name,
    sys.modules.pop("definitions", None)  # which holds the paths of whom it was first imported for
    try:
        # Feast reports on standard output, which belongs to our callers.
        with feast_environment(settings), contextlib.redirect_stdout(sys.stderr):
            # The source is not validated: it is an empty folder until the first session is final.
            apply_total(load_config(settings), REPO, skip_source_validation=True)
    finally:
        sys.path.remove(str(REPO))
        os.chdir(here)  # Feast changes into the repository folder
    stamp.write_text(wanted)
    return True


def main() -> int:
    """Entry point: exit code 2 for wrong input and for a state folder that cannot be written."""
    try:
        settings = load_settings()
        writable(settings.state_dir)
        done = apply(settings)
    except FixAndRestart as error:
        sys.stderr.write(f"feature_repo.apply: {error}\n")
        return 2
    sys.stdout.write("feature registry: " + ("applied\n" if done else "unchanged\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
