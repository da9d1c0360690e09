"""Feast's view of the feature spec. Imported by Feast alone, under its bare name (see .feastignore)."""

import os
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, PushSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Float64, Int64, String

from feature_repo.features import FEATURES, spec_hash

TYPES = {"float64": Float64, "int64": Int64, "string": String, "float64_list": Array(Float64)}

project = Project(name="allocast", description="Rolling features of market prices")

asset = Entity(
    name="asset", join_keys=["symbol"], value_type=ValueType.STRING, description="one quoted asset"
)

offline = FileSource(
    name="asset_features_parquet",
    path=os.environ["ALLOCAST_FEAST_OFFLINE"],
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
)

push = PushSource(name="asset_features_push", batch_source=offline)

asset_features = FeatureView(
    name="asset_features",
    entities=[asset],
    # A point-in-time join may look back this far; online ages are judged from event_ms, since Feast does
    # not apply a ttl online.
    ttl=timedelta(days=45),
    schema=[
        Field(name=feature.name, dtype=TYPES[feature.dtype], description=feature.meaning)
        for feature in FEATURES
    ],
    source=push,
    online=True,
    tags={"spec_hash": spec_hash()},
)

forecast = FeatureService(name="forecast", features=[asset_features], description="all that a forecast needs")
