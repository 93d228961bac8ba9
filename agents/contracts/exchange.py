"""Published rates of exchange, from a contract's currency into its entity's: which row counts on a day.

Invariant: a missing rate is an answer that somebody has to cure, never 1.0 and never another type's rate in its place;
each rate names the row, and its version, that it was read from.
"""

from __future__ import annotations

from fractions import Fraction

from tieout.agents.accounting.functional_currency import Rate, RateMissing
from tieout.agents.contracts.currencies import DECIMALS
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.avro.reference import FxRatePublished
from tieout.tables.reference import Reference


class Exchange:
    """Rates of one pair, (from, to), in force at a cut; ``agreed``: the day that the contract was agreed on."""

    def __init__(self, reference: Reference, pair: tuple[str, str], agreed: Day) -> None:
        self._reference, self._pair, self._agreed = reference, pair, agreed
        self.rows: dict[str, FxRatePublished] = {}

    def spot(self, day: Day) -> Rate:
        """The rate of the latest day on or before this one."""
        return self._found("spot", day)

    def average(self, first: Day, last: Day) -> Rate:
        """The latest average that is dated within these days."""
        return self._found("average", last, first)

    def closing(self, first: Day, last: Day) -> Rate:
        """The latest closing rate that is dated within these days."""
        return self._found("closing", last, first)

    def order(self) -> Rate:
        """The rate that the contract was agreed at."""
        return self._found("order", self._agreed)

    def _found(self, rate_type: str, day: Day, since: Day | None = None) -> Rate:
        row = self._reference.rate(self._pair, rate_type, day, since=since)
        if row is None:
            within = f"by {iso(day)}" if since is None else f"from {iso(since)} to {iso(day)}"
            raise RateMissing(f"no {rate_type} rate from {self._pair[0]} to {self._pair[1]} {within}")
        pin = f"fx_rate/{row.header.id}@{row.header.version}"
        self.rows[pin] = row
        source, target = (10 ** DECIMALS.get(currency, 2) for currency in self._pair)
        return Rate(Fraction(row.rate * target, 10**row.rate_scale * source), pin)
