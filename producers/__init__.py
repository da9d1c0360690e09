"""Feeds and what they publish: the asset universe, the tick frame, topic names, errors, settings."""
