"""Consumer prices on their way into the features: one tick per month, at the moment of its release.

They come from FRED's public CSV, from `cpi.csv` of a CSV folder, or from the snapshot that ships with the project. FRED
gives no release dates: a month that appears between two downloads was published then; older ones get the latest day
on which the Bureau has published.
"""

from __future__ import annotations

import csv
import io
import logging
import threading
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from producers.errors import FixAndRestart, TryAgain
from producers.inflation import DOWNLOADED, Cpi, load_cpi, parse_cpi
from producers.publisher import Framer, Publisher, new_epoch
from producers.reference import CPI, PREFIX
from producers.sessions import NEW_YORK
from producers.settings import Settings
from producers.tick_batch import TickBatch

if TYPE_CHECKING:
    from kafka import KafkaProducer

log = logging.getLogger("producers.inflation")

URL = f"https://fred.stlouisfed.org/graph/fredgraph.csv?id={CPI.symbol}"
TIMEOUT_S = 15
UPDATE_S = 6 * 3600.0
STALE_DAYS = 75  # two months and a release that is late


def ticks(cpi: Cpi, now_ms: int) -> TickBatch:
    """One tick per month, at 08:30 New York of the day it became known; of months that came together the last.

    A month that was there before half past eight of its day became known now: an event ahead of the clock would be
    refused. What becomes known on a later day is left out.
    """
    days = cpi.known.astype(object)
    event_ms = np.array(
        [
            int(datetime(day.year, day.month, day.day, 8, 30, tzinfo=NEW_YORK).timestamp() * 1000)
            for day in days
        ],
        dtype=np.int64,
    )
    event_ms = np.where(
        cpi.known == np.datetime64(date_in_new_york(now_ms)), np.minimum(event_ms, now_ms), event_ms
    )
    last = np.append(event_ms[1:] != event_ms[:-1], True) & (event_ms <= now_ms)
    return TickBatch(np.full(int(last.sum()), CPI.symbol), event_ms[last], cpi.level[last], whole=True)


def date_in_new_york(now_ms: int) -> date:
    """The day it is where releases happen."""
    return datetime.fromtimestamp(now_ms / 1000, NEW_YORK).date()


def download(path: Path, today: date) -> Cpi:
    """Fetch FRED's series and keep it in `path`, with the day on which each new month was first seen.

    Raises TryAgain when FRED does not answer or answers with something that is no such series.
    """
    from curl_cffi import requests

    try:
        with requests.Session() as session:
            answer = session.get(URL, timeout=TIMEOUT_S)
            answer.raise_for_status()
            text = answer.text
        latest = parse_cpi(text, URL, "fred")
    except (requests.exceptions.RequestException, FixAndRestart) as error:
        raise TryAgain(f"no consumer prices from FRED: {error}") from error
    try:
        held = parse_cpi(path.read_text(encoding="utf-8"), str(path), "fred")
    except (OSError, UnicodeDecodeError, FixAndRestart):
        held = load_cpi()
    known = dict(zip(held.month.tolist(), held.known.tolist(), strict=True))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["date", "close", "known"])
    for month, level, release in zip(latest.month, latest.level, latest.known.tolist(), strict=True):
        if str(month) in latest.filled:
            continue
        newest = month == latest.month[-1] and month.tolist() not in known
        writer.writerow(
            [f"{month}-01", float(level), today if newest else known.get(month.tolist(), release)]
        )
    scratch = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch.write_text(out.getvalue(), encoding="utf-8")
    scratch.replace(path)
    return parse_cpi(out.getvalue(), str(path), "fred")


class InflationFeed:
    """Publishes consumer prices whenever they change. Downloads in a thread: FRED must not hold up prices."""

    def __init__(
        self, settings: Settings, kafka: KafkaProducer, partitions: int, online: bool, file: Path | None
    ) -> None:
        """online : whether FRED is asked. file : `cpi.csv` of a CSV folder, which counts instead."""
        self._path, self._kafka, self._partitions = settings.state_dir / DOWNLOADED, kafka, partitions
        self._online, self._file = online and file is None, file
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._changed = False
        self.problem = ""  # why the newest month may not be known; empty when all is well

    def publish(self, in_log_ms: int | None = None) -> None:
        """Everything that is known, as a whole, unless its newest month is what the log holds."""
        cpi = load_cpi(self._file)
        months = ticks(cpi, _now_ms())
        if len(months) == 0 or in_log_ms == int(months.event_ms[-1]):
            self.update()
            return
        publisher = Publisher(self._kafka, Framer(f"{PREFIX}{cpi.source}", self._partitions, new_epoch()))
        publisher.publish(months, history=True)
        publisher.flush()
        age = (np.datetime64("today", "D") - cpi.month[-1].astype("datetime64[D]")).astype(int) - 30
        self.problem = f"the newest month is {cpi.month[-1]}" if age > STALE_DAYS else ""
        log.info(
            "consumer prices to %s (%s)%s",
            cpi.month[-1],
            cpi.source,
            f"; filled: {cpi.filled}" if cpi.filled else "",
        )
        self.update()

    def update(self) -> None:
        """Start a download when one is due; publish what the last one has brought."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            if self._changed:
                self._changed = False
                self.publish()
        if self._online and self._thread is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + UPDATE_S
            self._thread = threading.Thread(target=self._download, name="fred", daemon=True)
            self._thread.start()

    def _download(self) -> None:
        before = load_cpi()
        try:
            self._changed = download(self._path, date_in_new_york(_now_ms())).month[-1] != before.month[-1]
        except TryAgain as error:
            log.warning("%s; going on with %s to %s", error, before.source, before.month[-1])


def _now_ms() -> int:
    return int(time.time() * 1000)
