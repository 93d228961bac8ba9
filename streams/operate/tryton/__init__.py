"""A real ERP on this machine: Tryton on PostgreSQL, installed, filled, started and stopped from Python."""

from tieout.streams.operate.tryton.embedded import EmbeddedTryton

__all__ = ["EmbeddedTryton"]
