"""The `allocast` command: embedded Kafka and Redis, supervision, and what `allocast up` needs."""
