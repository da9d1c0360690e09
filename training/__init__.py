"""From features to forecasts: data sets, members, pool, scenarios, the registry and the retraining service."""
