"""Measurements, each by one command that prints the machine, the medians and the spread."""
