"""How large a group's ledger row can become once revenue was run beyond its last fact: estimated from above.

Invariant: no ledger that emission writes for these facts is larger: every key is taken to move in every period, in each
book and, where the entity's currency is another one, in both currencies.
"""

from __future__ import annotations

from tieout.agents.accounting.agreement import contracts_of
from tieout.agents.accounting.ledger_targets import BILLING_CLASSES
from tieout.agents.contracts.decision import View
from tieout.agents.contracts.periods import BILLING_SUMMARY, entity_of
from tieout.agents.contracts.policy import policy_of
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.documents import Act, Cash
from tieout.tables.facts import Collectability, Estimate, Evidence, Facts
from tieout.tables.group_rows import beside_series_bytes

_SHORT_PERIOD_DAYS = 28
_BALANCES = 6
"""Ledger keys of an entity that are no obligation: contract liability and asset, refund liability, exchange gain,
intercompany receivable and payable."""
_BILLING = len(BILLING_CLASSES)
"""Further ones where documents and cash are journalled."""
_SMALL, _SMALL_BYTES, _LARGE_BYTES = 2**31, 5, 9
"""A movement takes five bytes while the amounts are small, nine at most."""
_UTF8_MAX = 4
"""Bytes of a character."""
_CURRENCIES = 2
"""A movement may be kept in the contract's and in the entity's currency."""


class _Room:
    """What one arrangement may come to occupy in the ledger: its keys, over the span of its facts."""

    __slots__ = ("copies", "entities", "first", "keys", "last", "names_bytes", "total")

    def __init__(self, arrangement: Arrangement, currencies: int) -> None:
        self.first: Day | None = None
        self.last: Day | None = None
        self.keys, self.names_bytes, self.total = 0, 0, 0
        self.copies = _books(arrangement) * currencies
        self.entities = {arrangement.entity}

    def reach(self, *days: Day | None) -> None:
        for day in days:
            if day is not None:
                self.first = day if self.first is None or day < self.first else self.first
                self.last = day if self.last is None or day > self.last else self.last

    def bytes(self, name: str) -> int:
        """Estimate from above: every key moves in every period."""
        span = 0 if self.first is None or self.last is None else self.last - self.first
        width = _SMALL_BYTES if self.total < _SMALL else _LARGE_BYTES
        keys = self.keys + _BALANCES * len(self.entities)
        named = len(name.encode()) * len(self.entities) + self.names_bytes
        return (named + keys * _key_bytes(width, span)) * self.copies


def _key_bytes(width: int, span: int) -> int:
    return 32 + width * (span // _SHORT_PERIOD_DAYS + 2)


def _books(arrangement: Arrangement) -> int:
    return len({arrangement.book, *(book for book, _ in arrangement.policies)})


def ledger_bytes_at_most(state: GroupState) -> int:
    """No less than ``ledger_bytes``: as if every key of the group moved over the span of all its facts, twice."""
    extent, arrangements, ledger = state.extent, state.group.arrangements, state.ledger
    accounts = len(arrangements) * len(extent.entities)
    names_bytes = extent.names_bytes
    books = _CURRENCIES
    for arrangement in arrangements:
        names_bytes += _UTF8_MAX * len(arrangement.id) * len(extent.entities)
        if arrangement.policies:
            books = max(books, _CURRENCIES * _books(arrangement))
    key_bytes = _key_bytes(_LARGE_BYTES, max(0, extent.last - extent.first))
    size = (names_bytes + (extent.keys + (_BALANCES + _BILLING) * accounts) * key_bytes) * books
    return size + beside_series_bytes(ledger) if ledger.withheld or ledger.manual else size


def ledger_bytes(state: GroupState, view: View) -> int:
    """At most so many bytes will the ledger row take when revenue was run beyond the last fact."""
    rooms: dict[str, _Room] = {}
    contracts: dict[str, list[_Room]] = {}
    for arrangement in state.group.arrangements:
        entity = entity_of(view, arrangement)
        foreign = len(state.extent.entities) > 1 or entity.functional_currency != arrangement.currency
        room = rooms[arrangement.id] = _Room(arrangement, _CURRENCIES if foreign else 1)
        room.keys += _BILLING if policy_of(view, arrangement).ar_owner == BILLING_SUMMARY else 0
        for contract in contracts_of(arrangement):
            contracts.setdefault(contract, []).append(room)
    _room_for_price(rooms, state.facts)
    _room_for_billing(rooms, contracts, state)
    for bucket in state.usage:
        rooms[bucket.arrangement].reach(*(each.at for each in bucket.rated))
        rooms[bucket.arrangement].reach(*(each.at for each in bucket.details))
        rooms[bucket.arrangement].reach(*(day for day, _ in bucket.held))
        rooms[bucket.arrangement].total += sum([rated.amount for rated in bucket.rated])
    dated: tuple[Evidence | Estimate | Collectability, ...]
    dated = (*state.facts.evidence, *state.facts.estimates, *state.facts.assessments)
    for each in dated:
        for room in contracts[each.contract]:
            room.reach(each.at)
    for log in state.work:
        for room in contracts[log.contract]:
            room.reach(*(entry.at for entry in log.entries))
            room.total += sum([abs(entry.amount) for entry in log.entries])
    return sum(room.bytes(name) for name, room in rooms.items()) + beside_series_bytes(state.ledger)


def _room_for_price(rooms: dict[str, _Room], facts: Facts) -> None:
    for terms in facts.terms:
        room = rooms[terms.arrangement]
        room.total += abs(terms.pool)
        room.reach(terms.at, *(each.value for each in terms.change if each.field != "qty"))
        if terms.more is not None:
            room.total += terms.more.past_credit
            room.reach(*(day for pause in terms.more.pauses for day in (pause.first, pause.last)))
        for item in terms.add:
            room.reach(item.first, item.last)
            room.keys += 1
            room.names_bytes += len(item.po.encode())
            room.entities.add(item.entity)
            room.total += 0 if item.special is None else item.special.uninstalled
    for component in facts.components:
        room = rooms[component.arrangement]
        room.total += abs(component.amount)
        room.keys += bool(component.contra)
        room.names_bytes += len(component.contra.encode())
        room.reach(component.at, *(component.days or ()))


def _room_for_billing(rooms: dict[str, _Room], contracts: dict[str, list[_Room]], state: GroupState) -> None:
    for line in state.documents.lines:
        rooms[line.arrangement].reach(line.at)
        rooms[line.arrangement].total += abs(line.amount) + abs(line.tax)
    facts: tuple[Cash | Act, ...] = (*state.documents.cash, *state.documents.acts)
    for fact in facts:
        for room in contracts[fact.contract]:
            room.reach(fact.at)
            room.total += abs(fact.amount)
