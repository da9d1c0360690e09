"""Every Prometheus metric of the services, in one place: dashboards, alerts and the page import names from here.

Metrics are touched once per frame, flush, snapshot or event, never per tick. A service serves its own on
`metrics_port` plus its number; 0 serves nothing and costs what counting costs, about a microsecond each.
"""

from __future__ import annotations

import logging
import time
import warnings

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from producers.settings import Settings

log = logging.getLogger(__name__)

SERVICES = ("producer", "worker", "monitor", "training")  # a service's number is its place

_FAST = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
_SLOW = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

# every service
PROGRESS_NAME = "allocast_progress_timestamp_seconds"
PROGRESS = Gauge(
    PROGRESS_NAME,
    "When the service last got on with its work, or had nothing to do; health checks compare it with the clock",
    ["service"],
)
READY_NAME = "allocast_ready"
READY = Gauge(READY_NAME, "1 since the service has begun its work; rollouts wait for it", ["service"])

# producer
TICKS_PUBLISHED = Counter("allocast_ticks_published_total", "Ticks handed to Kafka", ["feed"])
FRAMES_PUBLISHED = Counter("allocast_frames_published_total", "Frames handed to Kafka", ["feed"])
FRAMES_WAITING = Gauge("allocast_frames_unacknowledged", "Frames that Kafka has not acknowledged yet")

# stream worker
RECORDS = Counter("allocast_records_read_total", "Records of market.ticks that were applied or refused")
TICKS = Counter("allocast_ticks_applied_total", "Ticks that moved a feature")
DUPLICATES = Counter("allocast_records_duplicate_total", "Frames that had been seen before")
DEAD_LETTERS = Counter("allocast_dead_letters_total", "Refused ticks and records", ["reason"])
SYMBOLS = Gauge("allocast_symbols", "Symbols whose state this worker holds")
PARTITIONS = Gauge("allocast_partitions_open", "Partitions that this worker works on")
LAG = Gauge("allocast_lag_records", "Records of market.ticks not yet acknowledged", ["partition"])
FRESHNESS = Histogram(
    "allocast_freshness_seconds",
    "From a live frame's publication to its features being readable in the online store, per frame",
    buckets=_FAST,
)
ONLINE_ROWS = Counter("allocast_online_rows_total", "Rows that the online store took")
ONLINE_WRITE = Histogram("allocast_online_write_seconds", "One bulk write to the online store", buckets=_FAST)
OFFLINE_WRITE = Histogram(
    "allocast_offline_write_seconds", "One write of final rows to Parquet", buckets=_FAST
)
SNAPSHOT = Histogram(
    "allocast_snapshot_seconds", "One snapshot of all partitions to the changelog", buckets=_FAST
)
WRITE_ERRORS = Counter("allocast_write_errors_total", "Writes that failed and are tried again")

# drift monitor
OUTCOMES = Counter("allocast_outcomes_scored_total", "Sessions whose forecast was scored", ["asset"])
DETECTOR = Gauge("allocast_drift_value", "Value of a drift detector", ["asset", "detector"])
THRESHOLD = Gauge("allocast_drift_threshold", "Value at which a drift detector alarms", ["asset", "detector"])
RETRAININGS_ASKED = Counter(
    "allocast_retrainings_asked_total", "Requests for a model by the monitor", ["reason"]
)

COVERAGE = Gauge(
    "allocast_coverage90_ratio", "Outcomes within the 90 % range of 1-session forecasts, last 250", ["asset"]
)

# training
TRAINING = Gauge("allocast_training_running", "1 while a model is being trained")
MODEL_EVENTS = Counter("allocast_model_events_total", "Events of models.events", ["kind"])
TRAINING_TIME = Histogram("allocast_training_seconds", "From a request's start to its end", buckets=_SLOW)
FORECASTS = Counter("allocast_forecasts_logged_total", "Forecasts written to forecasts.log")
FORECAST_TIME = Histogram("allocast_forecast_seconds", "Making one logged forecast", buckets=_FAST)
MODEL_CREATED = Gauge("allocast_model_created_timestamp_seconds", "When the served model was made")
MEMBER_WEIGHT = Gauge(
    "allocast_member_weight_ratio", "Weight of a member of the pool, longest horizon", ["member"]
)
MEMBER_SKILL = Gauge(
    "allocast_member_skill_ratio",
    "Live skill of a member, mean over assets and horizons with labels",
    ["member"],
)


def port_of(settings: Settings, service: str) -> int:
    """Where a service serves its metrics; 0 where it does not.

    >>> from producers.settings import Settings
    >>> port_of(Settings(metrics_port=9460), "worker"), port_of(Settings(), "worker")
    (9461, 0)
    """
    return settings.metrics_port + SERVICES.index(service) if settings.metrics_port else 0


def serve(settings: Settings, service: str) -> None:
    """Serve this process's metrics. A port that is taken is said and the service goes on without."""
    # Feast declares several processes when it is imported, later than this; our metrics are of this process alone.
    warnings.filterwarnings("ignore", "Clearing labels has not been implemented", UserWarning)
    progress(service)
    port = port_of(settings, service)
    if not port:
        return
    try:
        start_http_server(port, settings.metrics_host)
    except OSError as error:
        log.warning("no metrics of this %s: %s:%d: %s", service, settings.metrics_host, port, error)
    else:
        log.info("metrics: http://%s:%d/metrics", settings.metrics_host, port)


def progress(service: str) -> None:
    """The service got on with its work."""
    PROGRESS.labels(service).set(time.time())
