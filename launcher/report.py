"""What `allocast up` tells people: coloured on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from launcher.plan import Plan


class Report:
    """Prints one line per event. With `to_stderr` standard output stays free for one JSON object."""

    def __init__(self, to_stderr: bool = False) -> None:
        self._console = Console(stderr=to_stderr, soft_wrap=True, highlight=False)
        self._started = time.monotonic()
        self._status: Status | None = None
        self._last_words: dict[str, list[str]] = {}

    def say(self, text: str) -> None:
        """One plain sentence."""
        self._console.print(escape(text))

    def ready(self, name: str, detail: str) -> None:
        """A service became ready."""
        waited_s = time.monotonic() - self._started
        self._console.print(f"[green]ready[/]  {name:<10} {escape(detail)} ({waited_s:.1f} s)")

    def ended(self, name: str, how: str, log: str, last_words: Sequence[str]) -> None:
        """A service died and will be started again. Its last words are not repeated when it dies of the same."""
        reason = f" ({how})" if how else ""
        self._console.print(
            f"[red]ended[/]  {name:<10} {escape(reason.strip())} starting again; log: {escape(log)}"
        )
        if list(last_words) != self._last_words.get(name):
            self._last_words[name] = list(last_words)
            for line in last_words:
                self._console.print(f"         [dim]{escape(line)}[/]")

    def waiting(self, names: Sequence[str]) -> None:
        """On a terminal: a spinner that says what is still starting; none when nothing is."""
        if not self._console.is_terminal:
            return
        if not names:
            if self._status is not None:
                self._status.stop()
                self._status = None
        elif self._status is None:
            self._status = self._console.status(f"starting {', '.join(names)}")
            self._status.start()
        else:
            self._status.update(f"starting {', '.join(names)}")

    def opening(self, plan: Plan, asked_feed: str) -> None:
        """What is about to run."""
        note = (
            ": Yahoo's prices if it answers within 3 s, else simulated ones"
            if asked_feed == "auto"
            else " prices"
        )
        self.say(f"feed: {plan.feed}{note}")
        if plan.forgets:
            self.say("broker: embedded, in memory; at every start all features are rebuilt from the history")

    def all_ready(self, plan: Plan) -> None:
        self._console.print(f"\nAllocast is at [bold]{plan.url}[/]")
        self.say(f"logs: {plan.logs}\nCtrl-C stops everything")
