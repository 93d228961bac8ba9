"""What is read off the facts of a group once and then kept while facts are added: no row holds it.

Invariant: each member is a function of the facts of one contract or promise, however it was reached; whoever puts a
fact brings the member of that contract or promise along, and no other. After a load there is nothing until it is asked
for. The rules that derive it stand in ``tieout.agents.accounting``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tieout.avro.events import Day, Minor
from tieout.tables.dated import Levels, Steps
from tieout.tables.documents import Cash, DocLine


class Performance(msgspec.Struct, frozen=True, gc=False):
    """What was done for one obligation, by day (606-10-25-23).

    ``moved``, ``consumed``: millionths of a unit transferred, and drawn down. ``opened``: the day on which what control
    waits for was there, None before. ``cost`` and ``uninstalled``: minor units. ``eac``: expected cost. ``percent``,
    ``breakage``: millionths. ``expired``: from when nothing can be drawn any more. ``returned``: millionths of a unit that
    came back of a point, which is transferred as a whole.
    """

    moved: Steps = Steps()
    opened: Day | None = None
    cost: Steps = Steps()
    uninstalled: Steps = Steps()
    eac: Levels = Levels()
    percent: Levels = Levels()
    consumed: Steps = Steps()
    expired: Day | None = None
    breakage: Levels = Levels()
    returned: Steps = Steps()


NOTHING = Performance()
"""Of an obligation for which nothing was done yet."""


class Relief(NamedTuple):
    """A write-off of ``amount``: the price falls by what revenue does not cover on the day before ``at``.

    ``keeps_price``: that is no longer due, but stays in the price.
    """

    id: str
    at: Day
    amount: Minor
    keeps_price: bool = False


class Movement(NamedTuple):
    """What one fact of billing or cash moves on its day: due without tax, and the receivable with tax.

    What else it moves follows from ``kind`` alone, as each fact balances. ``doc`` is the document that it is about, empty
    for none; ``offset`` that of the event behind it. In another currency due is translated at the rate of ``rated_on``,
    and so is the receivable, but for the ``settled`` parts of it: (day of the document that they are of, amount).
    """

    at: Day
    arrangement: str
    kind: str
    due: Minor
    receivable: Minor
    doc: str
    offset: int
    rated_on: Day
    settled: tuple[tuple[Day, Minor], ...] = ()


class WriteOff(NamedTuple):
    """A receivable of ``amount`` that was given up, ``net`` of it without tax, of a document dated ``rated_on``.

    ``later``: (day, recovered or voided, cash, offset of its event) in order. ``keeps_price``: what was not earned of it
    is still to be earned.
    """

    id: str
    doc: str
    arrangement: str
    at: Day
    amount: Minor
    net: Minor
    offset: int
    rated_on: Day
    later: tuple[tuple[Day, str, Minor, int], ...] = ()
    keeps_price: bool = False


class Account606(NamedTuple):
    """Billing and cash of one contract, walked day by day (606-10-45-1..4).

    ``due``: arrangement -> what is due without tax, advances included. ``receivable``, ``advances``: with tax.
    ``open``: document -> what is left of it, oldest first, those of which nothing is left out. ``taken``: act ->
    (arrangement -> what it took of due): its price, where policy says that the price follows. What a write-off and its
    end move of due depends on revenue: ``written_off``. ``early``: document that has not come yet -> (payment -> its
    cash). ``last``: day, rank and id of the last fact, from which the walk goes on.
    """

    due: Mapping[str, Steps]
    receivable: Steps
    advances: Steps
    open: Mapping[str, Minor]
    taken: Mapping[str, Mapping[str, Minor]]
    movements: tuple[Movement, ...]
    written_off: tuple[WriteOff, ...]
    early: Mapping[str, Mapping[str, Minor]] = {}
    last: tuple[Day, int, str] | None = None


class Metered(NamedTuple):
    """What usage of one usage period was estimated at; nothing was used in a period that is only ``carried`` into.

    ``last`` is the last day of its usage, ``value`` what it adds up to then (what was rated left out), ``latest`` its
    last quantity, rated or not; both in millionths of a unit.
    """

    steps: Steps
    last: Day
    value: int
    latest: int
    carried: bool = False


class Amounts(NamedTuple):
    """Dated amounts of one promise, in minor units: usage, hours, royalties (606-10-32-40, 55-18, 55-65).

    ``steps`` is all of them, each day once and none that moves nothing. Of usage, besides: ``periods`` by first day,
    ``rated`` spans that replace estimates (last day, first day), ``prices`` of a unit by day, ``replaced`` usage
    (source and object), ids that have stood in more than one ``revised`` version, and, of a line that carries usage
    forward, what was its last day as known on each day: ``ends``.
    """

    steps: Steps
    periods: Mapping[Day, Metered] = {}
    rated: tuple[tuple[Day, Day], ...] = ()
    prices: Levels = Levels()
    replaced: frozenset[str] = frozenset()
    revised: frozenset[str] = frozenset()
    ends: Levels = Levels()


Behind = tuple[Account606, tuple[DocLine | Cash, ...]]
"""An account, and the facts of its contract that came since it was made."""


class Derived(msgspec.Struct, frozen=True, gc=False):
    """Of a whole group. ``accounts`` by contract; ``done`` and ``amounts`` (usage, hours, royalties) by (contract, po).

    ``behind``: contracts whose account nobody has asked for since something came.
    """

    accounts: dict[str, Account606]
    done: dict[tuple[str, str], Performance]
    amounts: dict[tuple[str, str], Amounts]
    behind: dict[str, Behind] = {}
