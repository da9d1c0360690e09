"""`allocast up`: start everything, say when it is ready, restart what dies, stop everything."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from launcher import apache_kafka, log_loss, plan, probes, run_file, state_owner
from launcher.plan import SERVICES, Options, Plan
from launcher.report import Report
from launcher.supervision import Supervisor
from launcher.supervisor_client import ProcessState
from launcher.watch import Watch
from producers.errors import FixAndRestart, TryAgain
from producers.settings import Settings, StateFolder, load_settings

STARTING_LOOK_S = 0.25  # pause between two looks while services start
STEADY_LOOK_S = 1.0
SAY_WAITING_S = 15.0
WRONG_INPUT = "exit status 2"  # of every service, when a setting or a file is wrong
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StopEarly(BaseException):
    """A signal came before anything was started."""


def up(options: Options, as_json: bool = False) -> int:
    """Run until a signal comes. Returns 0 after a wanted end, 1 when the supervisor died.

    as_json : one JSON object on standard output once everything is ready, sentences on standard error.
    Raises TryAgain before the start, FixAndRestart also when a service says that its input is wrong.
    """
    report = Report(to_stderr=as_json)
    # Set even when they are ignored now: a shell starts background jobs with SIGINT ignored.
    _on_signals(_stop_early)
    try:
        state = StateFolder().state_dir.absolute()
        with run_file.only_one(state):
            settings = load_settings()
            plan.check(options, settings)
            external = "kafka_bootstrap_servers" in settings.model_fields_set
            if options.broker == "apache" and not external and not apache_kafka.cache_folder().is_dir():
                report.say("downloading Apache Kafka with Maven, which is done once")
            decided = plan.make(options, settings, os.environ)
            state_owner.claim(decided)
            if decided.forgets:
                log_loss.forget(decided, redis_runs=False)
            report.opening(decided, options.feed)
            return _run(decided, report, as_json)
    except _StopEarly:
        return 0


def _run(decided: Plan, report: Report, as_json: bool) -> int:
    stop = threading.Event()
    _on_signals(lambda _number, _frame: stop.set())
    supervisor = Supervisor(decided.programs, decided.logs, decided.environment)
    try:
        supervisor.start()
        _write_run_file(decided, supervisor)
        return _Attendant(decided, supervisor, report, as_json).attend(stop)
    finally:
        report.waiting(())
        report.say("stopping")
        supervisor.shutdown()
        run_file.remove(decided.settings.state_dir)


class _Attendant:
    """Looks at the processes again and again, and tells what it sees."""

    def __init__(self, decided: Plan, supervisor: Supervisor, report: Report, as_json: bool) -> None:
        self._plan = decided
        self._supervisor = supervisor
        self._report = report
        self._as_json = as_json
        self._watch = Watch()
        self._loss = log_loss.LogLoss(decided, supervisor)
        self._ready: set[str] = set()
        self._greeted = False
        self._said_waiting = time.monotonic()

    def attend(self, stop: threading.Event) -> int:
        while not stop.wait(STEADY_LOOK_S if self._greeted else STARTING_LOOK_S):
            if not self._supervisor.alive():
                self._report.say(f"the supervisor died; its log: {self._plan.logs / 'supervisord.log'}")
                return 1
            states = self._supervisor.states()
            if states:
                # supervisord may be busy for a moment or stop under us: the next look shows what became of it.
                with suppress(TryAgain):
                    self._look(states)
        return 0

    def _look(self, states: Mapping[str, ProcessState]) -> None:
        for name in self._watch.ended(states):
            self._ready.discard(name)
            log = str(self._plan.logs / f"{name}.log")
            end, words = self._supervisor.last_end(name), self._supervisor.last_words(name)
            if end == WRONG_INPUT:
                # Starting it again would give the same answer: a person must change something.
                raise FixAndRestart(words[-1] if words else f"{name}: wrong input, see {log}")
            self._report.ended(name, end, log, words)
        if self._loss.update(states):
            self._ready -= {"broker", *plan.READERS}
            self._report.say("the embedded broker lost its log: rebuilding everything derived from it")
            return
        if self._loss.step in (log_loss.Step.TOPICS, log_loss.Step.RUNNING):
            self._supervisor.start_again(*self._watch.to_start_again(states, time.monotonic()))
        for name in SERVICES:
            if name not in self._ready and (detail := self._readiness(name, states)):
                self._ready.add(name)
                self._report.ready(name, detail)
        waiting = [name for name in SERVICES if name not in self._ready]
        self._report.waiting(waiting)
        if waiting and time.monotonic() - self._said_waiting >= SAY_WAITING_S:
            self._said_waiting = time.monotonic()
            self._report.say(self._what_is_awaited(waiting))
        if not waiting and not self._greeted:
            self._greeted = True
            self._report.all_ready(self._plan)
            if self._as_json:
                sys.stdout.write(json.dumps(self._summary(states)) + "\n")
                sys.stdout.flush()

    def _what_is_awaited(self, waiting: Sequence[str]) -> str:
        """One line for a start that takes long, with the addresses that a person can check."""
        settings = self._plan.settings
        where = {"broker": settings.kafka_bootstrap_servers, "redis": _without_secrets(settings)}
        return "still waiting for " + ", ".join(
            f"{name} at {where[name]}" if name in where else name for name in waiting
        )

    def _readiness(self, name: str, states: Mapping[str, ProcessState]) -> str:
        """What to say of a service that is ready; empty when it is not."""
        settings = self._plan.settings
        state = states.get(name)
        if state is not None and not state.pid:
            return ""
        if name in ("broker", *plan.READERS) and self._loss.step is not log_loss.Step.RUNNING:
            return ""
        if name == "broker":
            there = log_loss.topics_are_there(states)
            return f"{self._plan.broker}, {settings.kafka_bootstrap_servers}" if there else ""
        if name == "redis":
            answers = probes.redis_answers(settings.redis_url.get_secret_value())
            return ("embedded" if self._plan.redis_is_ours else "external") if answers else ""
        if name == "dashboard":
            return self._plan.url if probes.page_answers(self._plan.url) else ""
        return f"pid {state.pid}" if state is not None and state.state == "RUNNING" else ""

    def _summary(self, states: Mapping[str, ProcessState]) -> dict[str, object]:
        return {
            "url": self._plan.url,
            "pid": os.getpid(),
            "feed": self._plan.feed,
            "broker": self._plan.broker,
            "kafka_bootstrap_servers": self._plan.settings.kafka_bootstrap_servers,
            "logs": str(self._plan.logs),
            "services": {name: states[name].pid for name in SERVICES if name in states},
        }


def _write_run_file(decided: Plan, supervisor: Supervisor) -> None:
    settings = decided.settings
    content = run_file.RunFile(
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        redis_url=settings.redis_url.get_secret_value(),
        host=settings.host,
        port=settings.port,
        kafka_session_s=settings.kafka_session_s,
        partitions=settings.partitions,
        metrics_port=settings.metrics_port,
        pid=os.getpid(),
        url=decided.url,
        feed=decided.feed,
        broker=decided.broker,
        redis="embedded" if decided.redis_is_ours else "external",
        logs=str(decided.logs),
        supervisor_socket=str(supervisor.socket_file),
        started_ms=int(time.time() * 1000),
    )
    run_file.write(settings.state_dir, content)


def _without_secrets(settings: Settings) -> str:
    parts = urlsplit(settings.redis_url.get_secret_value())
    return f"{parts.hostname}:{parts.port or 6379}"


def _on_signals(handler: signal._HANDLER) -> None:
    for number in STOP_SIGNALS:
        # nohup ignores SIGHUP on purpose: such a run is meant to outlive its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _stop_early(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _StopEarly
