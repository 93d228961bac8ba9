"""Scenarios: business events in a YAML file, played through the real contract agent, and compared with what is expected."""
