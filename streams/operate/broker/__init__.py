"""The embedded Apache Kafka broker, from its published jars."""
