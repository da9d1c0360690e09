"""The retraining service: requests in, models and events out; forecasts logged at every session's close.

Requests are taken one at a time. The offset of a request is committed after its final event is in
`models.events`, so a service that is killed takes the request up again; the idempotency key keeps one that
had ended from running twice, and a model that was trained for it from being trained again. A request is done
when its model's shadow begins; the links beside `champion` carry the rest. One service per state folder: a second one waits for the lock of the first.
"""

from __future__ import annotations

import contextlib
import logging
import time
from itertools import chain
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from producers import metrics, topics
from producers.errors import SkipRecord, TryAgain
from producers.feed_health import training_blocked
from producers.group_offsets import committed
from producers.kafka_client import client_config
from producers.outbox import Outbox
from producers.request import MODEL, TrainingRequest, decode_request
from producers.settings import Settings
from producers.universe import Universe
from stream_processors.messages import Features
from stream_processors.state_version import APP_ID
from training import forecast_log, outcome, serving, trials
from training.already_logged import answered_keys, logged_forecasts, partitions_of
from training.artefact import CHAMPION
from training.champion import Champion, ChampionWatcher
from training.events import SCHEMA, SHADOW, ModelEvent, event
from training.forecast_log import Forecast
from training.missed import Missed
from training.runner import Runner
from training.serving import Move, told
from training.trials import Trials

log = logging.getLogger("training")

GROUP = "allocast-training"
SAY_EVERY_S = 60.0
DISTRUST_S = 30.0  # between two looks at the quality of the data


class Service:
    """One loop over two consumers and the job."""

    def __init__(self, settings: Settings, universe: Universe) -> None:
        self._settings = settings
        config = client_config(settings)
        self._outbox = Outbox(config, linger_ms=5)
        # Assigned, not subscribed: the lock already makes us the only service, and joining a group would
        # delay the first model. The group still holds the committed offset.
        self._requests = KafkaConsumer(
            **config,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=1,
        )
        self._requests.assign(partitions_of(self._requests, topics.REQUESTS))
        self._rows = KafkaConsumer(**config, group_id=None, enable_auto_commit=False)
        self._rows.assign(partitions_of(self._rows, topics.FEATURES))
        self._finished, self._failed = answered_keys(config)
        self._watcher = ChampionWatcher(settings.models_dir, universe)
        self._trials = Trials(settings)
        past = list(logged_forecasts(config))
        self._trials.remember(past)
        self._missed = Missed(self._rows, past)
        self._moving: tuple[Move, outcome.Child, contextlib.ExitStack] | None = None
        self._runner = Runner(settings.training_timeout_s)
        self._waiting: tuple[TrainingRequest, float] | None = None
        self._current: TopicPartition | None = None
        self._key = ""  # of the current request
        self._next_offset = 0
        self._trusted_until = self._ask_again = 0.0  # by the quality of the data
        self._admin: Any = None
        self._began = 0.0
        self._measured = ""  # the model that the gauges tell of

    def run(self, should_stop: Any) -> None:
        """Until `should_stop()`; then the child is ended."""
        try:
            while not should_stop():
                self.step()
        finally:
            self.close()

    def close(self) -> None:
        """End the child and the connections; what was not committed will be taken up again."""
        self._runner.close()
        if self._moving is not None:
            self._moving[2].close()
        for client in (self._outbox, self._requests, self._rows, self._admin):
            if client is not None:
                client.close()

    def step(self) -> None:
        """One round: log forecasts, take a request when idle, pass on what the job says.

        Raises TryAgain when a log did not take what there was to say: a restart makes it up.
        """
        self._outbox.check()
        metrics.progress("training")
        metrics.TRAINING.set(self._runner.busy)
        self._log_forecasts(self._rows.poll(timeout_ms=100))
        for partition, records in self._requests.poll(timeout_ms=0).items():
            for record in records:
                self._take(partition, record)
        self._move()
        if self._waiting is not None and not self._runner.busy:
            request, said = self._waiting
            if not self._processed(request):
                if time.monotonic() - said > SAY_EVERY_S:
                    self._waiting = (request, time.monotonic())
                    log.warning("waiting for the stream worker to process the history; is it running?")
            elif not self._distrusted(request):
                self._waiting = None
                self._runner.begin(request)
                self._began = time.monotonic()
        for message in self._runner.events():
            self._tell(message)
            if message.final or message.kind == SHADOW:
                metrics.TRAINING_TIME.observe(time.monotonic() - self._began)
                if message.kind == "failed":  # may be asked for again
                    self._failed[message.idempotency_key] = message.at_ms
                else:
                    self._finished.add(message.idempotency_key)
                if message.idempotency_key == self._key:
                    self._done()

    def _move(self) -> None:
        """Carry out what the trials say, or what another process began and did not end: links, registry, log."""
        models = self._settings.models_dir
        if self._moving is not None:
            move, child, lock = self._moving
            if child.poll() is None:
                return
            self._moving = None
            self._tell(told(move, child.returncode))
            serving.end(models)
            self._finished.add(move.said.idempotency_key)
            lock.close()
        elif not self._runner.busy and models.is_dir():
            noted = (models / serving.NOTE).exists()
            verdict = None if noted else self._trials.verdict()
            if not noted and verdict is None:
                return
            lock = contextlib.ExitStack()
            try:
                lock.enter_context(serving.alone(models, patience_s=0))
            except TryAgain:
                return  # somebody is at it
            if verdict is not None:
                log.info("model %s: %s, %s", verdict.model.version, verdict.outcome, verdict.detail)
                move = trials.move(verdict)
                self._moving = move, serving.begin(models, move), lock
            elif (unfinished := serving.pending(models)) is not None:
                log.warning("model %s: finishing what was begun", unfinished.said.version)
                self._moving = unfinished, serving.again(models, unfinished), lock
            else:
                lock.close()

    def _take(self, partition: TopicPartition, record: Any) -> None:
        self._current, self._next_offset = partition, record.offset + 1
        self._requests.pause(partition)
        try:
            request = decode_request(record.value or b"")
        except SkipRecord as error:
            log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            self._done()
            return
        self._key = key = request.idempotency_key
        if key in self._finished or self._failed.get(key, -1) >= request.at_ms:
            log.info("request %s was answered before", key)
            self._done()
            return
        if (version := self._trials.shadowed(key)) is not None:  # killed before its offset was committed
            self._tell(event(SHADOW, request.reason, key, version, "its shadow goes on"))
            self._done()
            return
        log.info("request %s: %s %s", request.idempotency_key, request.reason, request.detail)
        self._tell(event("requested", request.reason, request.idempotency_key, detail=request.detail))
        self._waiting = (request, time.monotonic())

    def _done(self) -> None:
        """Commit the current request and listen for the next."""
        self._outbox.settle()
        if self._current is not None:
            self._requests.commit({self._current: OffsetAndMetadata(self._next_offset, "", -1)})
            self._requests.resume(self._current)
            self._current = None

    def _processed(self, request: TrainingRequest) -> bool:
        """Whether the stream worker has made everything the request builds on durable."""
        if not request.after:
            return True
        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(**client_config(self._settings))
            held = committed(self._admin, APP_ID, topics.TICKS, [int(part) for part in request.after])
        except (KafkaError, OSError) as error:
            log.warning("cannot read the worker's progress: %s", error)
            return False
        return all(held.get(int(part), 0) >= end for part, end in request.after.items())

    def _distrusted(self, request: TrainingRequest) -> bool:
        """Whether the data are such that nobody should learn from them now; a person may insist."""
        if request.reason == "manual" or time.monotonic() < self._trusted_until:
            return False
        if time.monotonic() < self._ask_again:
            return True
        try:
            why = training_blocked(self._settings, int(time.time() * 1000))
        except TryAgain as error:
            why = str(error)
        self._ask_again = time.monotonic() + DISTRUST_S
        if why:
            log.warning("request %s waits: %s", request.idempotency_key, why)
        else:
            self._trusted_until = self._ask_again
        return bool(why)

    def _log_forecasts(self, polled: dict[Any, list[Any]]) -> None:
        champion = self._watcher.current()
        if champion is None:
            return
        self._measure(champion)
        for record in chain.from_iterable(polled.values()):
            if b'"final":true' not in (record.value or b""):
                continue
            try:
                message = msgspec.json.decode(record.value, type=Features)
                if not self._missed.wanted(record.timestamp, message, champion):
                    continue
                # A row lies in the partition of the ticks that it was made from.
                source = f"{topics.TICKS}[{record.partition}]@{message.source_offset}"
                with metrics.FORECAST_TIME.time():
                    made = [
                        forecast_log.forecast_of(model, message, role, source)
                        for role, model in {CHAMPION: champion, **self._trials.beside()}.items()
                    ]
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError) as error:
                log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
                continue
            log.debug("%s: forecast of %s after session %d", source, message.symbol, message.session_date)
            for forecast in made:
                if forecast is not None:
                    self._log_forecast(forecast)

    def _log_forecast(self, forecast: Forecast) -> None:
        metrics.FORECASTS.inc()
        self._trials.add(forecast)
        self._outbox.send(
            topics.FORECASTS, forecast.symbol, msgspec.json.encode(forecast), forecast_log.SCHEMA
        )

    def _measure(self, champion: Champion) -> None:
        """Gauges of the served model, once per model."""
        if champion.version == self._measured:
            return
        self._measured = champion.version
        metrics.MODEL_CREATED.set(champion.created_ms / 1000)
        metrics.MEMBER_WEIGHT.clear()
        metrics.MEMBER_SKILL.clear()
        for member, weight in champion.members.items():
            metrics.MEMBER_WEIGHT.labels(member).set(weight)
            skills = [
                skill
                for one in champion.manifest.earned.values()
                for skill in one.skill.get(member, [])
                if skill is not None
            ]
            if skills:
                metrics.MEMBER_SKILL.labels(member).set(sum(skills) / len(skills))

    def _tell(self, message: ModelEvent) -> None:
        metrics.MODEL_EVENTS.labels(message.kind).inc()
        if message.kind != "training" or not message.progress:
            log.info("%s: %s", " ".join(filter(None, (message.kind, message.version))), message.detail)
        self._outbox.send(topics.MODEL_EVENTS, MODEL, msgspec.json.encode(message), SCHEMA)
        if message.final:
            self._outbox.settle()  # the request is committed only after this is in the log
