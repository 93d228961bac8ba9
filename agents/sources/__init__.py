"""Mappers from source systems' own rows and messages to business events."""
