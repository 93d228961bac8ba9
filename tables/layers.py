"""What the fold leaves for each obligation to earn: derived from facts, kept as a cache beside them.

Invariant: layers are never a second truth; whoever finds them missing, or of another rule, folds again.
"""

from __future__ import annotations

import msgspec

from tieout.avro.events import Day, Minor


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one layer leaves for an obligation: revenue at d = base + round(amount x progress(d)).

    ``first``..``last`` is the span still to be earned (time; ``first`` of a point is its earliest day) without its
    ``pauses``; ``done`` and ``qty`` are millionths of units, minor units of cost, or millionths of the whole. A dropped
    obligation has measure ``dropped`` and amount 0. ``entity`` performs it, empty for the arrangement's own. ``rounding``
    is how a schedule is rounded month by month; empty: cumulatively. ``served_from``: first day of the service, where that
    is before ``first`` and the weight of a day depends on it (``months_even``).
    """

    po: str
    measure: str
    convention: str
    base: Minor
    amount: Minor
    first: Day
    last: Day
    done: int
    qty: int
    gate: str = "none"
    pauses: tuple[tuple[Day, Day | None], ...] = ()
    uninstalled: Minor = 0
    digits: int | None = None
    entity: str = ""
    rounding: str = ""
    served_from: Day | None = None


class Layer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The obligations of an arrangement as they stand from ``from_day`` on, sorted by po."""

    from_day: Day
    shares: tuple[Share, ...]


class Layers(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The fold of one arrangement in one book (empty: its own): derived, may be dropped at any time.

    ``labels``: (contract, version, treatment) of each version that is not prospective (606-10-25-13); and with a reason
    code in place of the treatment, each that stands on an assumption. ``reliefs``: (write-off, what it took off the price,
    not positive).
    """

    arrangement: str
    steps: tuple[Layer, ...]
    book: str = ""
    labels: tuple[tuple[str, int, str], ...] = ()
    reliefs: tuple[tuple[str, Minor], ...] = ()
