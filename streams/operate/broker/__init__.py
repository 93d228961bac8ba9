"""The embedded Apache Kafka broker, from its published jars: no Docker, Python alone."""

from tieout.streams.operate.broker.embedded import EmbeddedBroker

__all__ = ["EmbeddedBroker"]
