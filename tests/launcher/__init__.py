"""Tests of the `allocast` command, the embedded services and the container files."""
