"""`request/1` on `training.requests`: somebody asks for a model to be trained.

Asked for by the producer (a history was loaded), the drift monitor, a person or a schedule. The idempotency
key makes asking twice harmless.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from producers.errors import SkipRecord

SCHEMA = "request/1"
MODEL = "allocast"  # the Kafka key and the name in the model registry


class TrainingRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """`after`: source offsets (per partition) that must be in the feature store before training starts."""

    reason: Annotated[str, msgspec.Meta(pattern="^(history|drift|manual|schedule|spec|storm)$")]
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    at_ms: int
    detail: str = ""
    source: str = ""  # feed and data hash, for reason history
    after: dict[str, int] = {}


_decoder = msgspec.json.Decoder(TrainingRequest)


def encode_request(request: TrainingRequest) -> bytes:
    """JSON bytes."""
    return msgspec.json.encode(request)


def decode_request(raw: bytes) -> TrainingRequest:
    """Raises SkipRecord when the bytes are not a request."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SkipRecord("bad_request", str(error)) from error
