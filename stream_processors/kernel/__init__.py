"""The rolling kernel: ticks in, final session bars and feature rows out. The only place features are computed.

Why not running sums: they drift, and a drifted sum no longer equals a clean replay bit for bit. Here a tick
costs O(1) per window (it moves the open bar and the open tile of each window), and a row is recomputed
exactly from the last 252 closes and the last 48 tiles per window when somebody will read it, a few
microseconds. Recursive averages move only when a session or a tile can no longer change.

A price (kind price) enters as its logarithm; a rate (percent per year) enters as rate / 100, so its "log
returns" are changes in the rate.
"""
