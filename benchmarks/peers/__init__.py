"""Other engines on the same log, writing the same rows: each a process of its own that reports its progress."""
