"""What passes between the rules of the fold: what was agreed goes in, layers and what each version did come out.

Invariant: all of it is data, complete in itself: a fold sees facts through it and nothing else, so that it can be
given facts that no event ever stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.standing import Standing
from tieout.avro.events import Minor
from tieout.tables.contract import Arrangement
from tieout.tables.dated import Steps
from tieout.tables.derived import Performance, Relief
from tieout.tables.facts import Component, Terms
from tieout.tables.layers import Layers


class Agreed(NamedTuple):
    """All that the fold of one arrangement in one book reads, in any order.

    ``done`` by promise. ``outside``: revenue that has no share in a layer, by day: dated amounts and performed
    components.
    """

    arrangement: Arrangement
    terms: tuple[Terms, ...]
    components: tuple[Component, ...]
    reliefs: tuple[Relief, ...]
    done: Mapping[str, Performance]
    outside: Steps
    policy: Policy


class Visible(NamedTuple):
    """The price components as seen on one day (606-10-32-14).

    ``by_ref``: ``contract@version`` (empty: inception) -> sum that enters its pool. ``by_po``: component ->
    (promise, sum) of what goes wholly to one promise (32-40).
    """

    by_ref: dict[str, Minor]
    by_po: dict[str, tuple[str, Minor]]


class Sets(NamedTuple):
    """Unsatisfied promises of a modification by whether what remains is distinct (606-10-25-13(a) and (b))."""

    distinct: tuple[str, ...]
    not_distinct: tuple[str, ...]


class Rebase(NamedTuple):
    """What one version did: ``pool`` spread over ``members`` (empty: revenue at once), ``caught_up`` where they stand.

    ``treatment``: inception, separate, prospective, catch_up or mixed. ``missing``: the reason code of an input without
    which it stands on an assumption, empty for none. ``credited``: what it took off past revenue (55-115).
    ``taken_back``: what came off revenue at once because less than nothing was left for the rest, not positive.
    ``performed``: what was revenue at once because it is for days before the version counts. ``scoped``: whether only the
    lines that it touches could be re-based (an emulation).
    """

    contract: str
    version: int
    treatment: str
    pool: Minor
    members: tuple[str, ...]
    caught_up: tuple[str, ...]
    missing: str
    credited: Minor = 0
    taken_back: Minor = 0
    performed: Minor = 0
    scoped: bool = False


class Folded(NamedTuple):
    """The layers of an arrangement, what each version did as seen from the last day, and what each write-off took.

    ``reliefs``: (id, change of the price, not positive), fixed at its own day. ``standing``: the obligations behind the
    last layer, from which later versions go on.
    """

    layers: Layers
    rebases: tuple[Rebase, ...]
    reliefs: tuple[tuple[str, Minor], ...]
    standing: tuple[Standing, ...]
