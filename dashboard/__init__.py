"""The page: one Dash app, one poller per process, everything else pure functions."""
