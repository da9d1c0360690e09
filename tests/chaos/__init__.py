"""The fault suite: real Kafka, Redis and workers are killed under load, and every tick is accounted for."""
