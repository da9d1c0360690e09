"""What `/metrics` counts: how the page is used and how it does, never what anybody asked."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

VIEWERS = Gauge("allocast_page_viewers", "pages that are connected")
FORECASTS = Counter("allocast_page_forecasts", "forecasts that were computed, without those that were shared")
ANSWER_S = Histogram(
    "allocast_page_answer_seconds",
    "from a change of the form to its answer, in the server",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
STORE_READ_S = Histogram(
    "allocast_page_store_read_seconds",
    "one read of all assets from Redis through Feast",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
REFUSED = Counter("allocast_page_refused", "requests that were refused", ["why"])
READ_AGE_S = Gauge("allocast_page_store_age_seconds", "since the online store was last read")
MODEL_AGE_S = Gauge("allocast_page_model_age_seconds", "since the model in use was made")
