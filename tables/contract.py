"""What is remembered of a contract group: its head, its facts, and how far they have been turned into output.

Invariants: one row per part, so that a payment does not rewrite the terms; ``state_from_rows`` of what
``state_rows`` wrote is the same state; layers are a cache beside the facts they were folded from, and are dropped
when those facts, or the rule that folds them, are not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from operator import attrgetter

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor
from tieout.tables.codec import RowCodec
from tieout.tables.extent import Extent, extent_of
from tieout.tables.facts import Documents, Facts, Layers, UsageBucket
from tieout.tables.ledger import Ledger

ROW_VERSION = 1
FOLD_RULE = 1
"""Changes whenever the fold gives other layers for the same facts: cached layers of another rule are not read."""

LAYERS_BYTES_MAX = 128 * 1024
"""A larger row of layers is not written: it is a cache, and folding anew is cheaper than such a row."""


class Contract(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One source contract. ``watermark`` is its last accepted version; ``status`` active or cancelled.

    ``upsert`` is the id of the customer.upsert that its first document and journal come after, until
    ``journal_tied``.
    """

    id: str
    customer: str
    bill_to: str | None
    entity: str
    currency: str
    status: str
    watermark: int
    first: Day
    last: Day
    upsert: str
    journal_tied: bool = False


class Arrangement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The ASC 606 contract: the unit of allocation, modification and netting. ``id`` is ``contract@version``.

    ``policy_version`` pins the entity's row whose switches govern it.
    """

    id: str
    contract: str
    entity: str
    currency: str
    book: str
    policy_version: int
    opened: Day


class OpenItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An exception that an accepted fact left open. Key (code, fact)."""

    code: str
    fact: str
    contract: str
    event_type: str
    amount: Minor
    currency: str
    opened_us: int
    detail: str
    cause: Cause


class Upsert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer that this group has sent to an ERP account."""

    erp_account: str
    customer: str
    bill_to: str | None
    command_id: str


class Lanes(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Last used numbers of a group's lanes in one ERP account: who posts to an account sees them without a hole."""

    erp_account: str
    master: int = 0
    document: int = 0
    journal: int = 0


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Head of a group. ``lanes`` are sorted by ERP account."""

    tenant: str
    id: str
    control_seq: int
    contracts: tuple[Contract, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()
    lanes: tuple[Lanes, ...] = ()
    upserts: tuple[Upsert, ...] = ()
    open_items: tuple[OpenItem, ...] = ()
    revenue_hash: bytes = b""


class GroupState(msgspec.Struct, frozen=True, gc=False):
    """Everything known of a group; one changelog row per field, one per usage bucket.

    ``layers`` may be empty after a load: they are folded again when they are needed. ``extent`` is what facts, documents
    and usage add up to, and has no row.
    """

    group: Group
    facts: Facts = Facts()
    documents: Documents = Documents()
    ledger: Ledger = Ledger()
    usage: tuple[UsageBucket, ...] = ()
    layers: tuple[Layers, ...] = ()
    extent: Extent = Extent()

    @property
    def tenant(self) -> str:
        return self.group.tenant

    @property
    def group_id(self) -> str:
        return self.group.id

    @property
    def control_seq(self) -> int:
        """The last marker that was applied to this group."""
        return self.group.control_seq

    def contract(self, contract_id: str) -> Contract | None:
        """The contract, once its activation was accepted."""
        for contract in self.group.contracts:
            if contract.id == contract_id:
                return contract
        return None

    def arrangement(self, arrangement_id: str) -> Arrangement:
        """An arrangement of this group; it must exist."""
        for each in self.group.arrangements:
            if each.id == arrangement_id:
                return each
        raise AssertionError(f"group {self.group_id!r} has no arrangement {arrangement_id!r}")

    def arrangements_of(self, contract_id: str) -> tuple[Arrangement, ...]:
        """Arrangements that a contract opened, the oldest version first."""
        return tuple([each for each in self.group.arrangements if each.contract == contract_id])


class _Cached(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Layers as stored: with the digest of the facts row and the rule that they were folded by."""

    digest: bytes
    layers: tuple[Layers, ...]


_GROUP = RowCodec("group", ROW_VERSION, {1: Group})
_FACTS = RowCodec("facts", ROW_VERSION, {1: Facts})
_DOCUMENTS = RowCodec("documents", ROW_VERSION, {1: Documents})
_LEDGER = RowCodec("ledger", ROW_VERSION, {1: Ledger})
_USAGE = RowCodec("usage", ROW_VERSION, {1: UsageBucket})
_LAYERS = RowCodec("layers", ROW_VERSION, {1: _Cached})

HEAD = b"g"
"""Row suffix of a group's head, which is there as soon as any row of the group is."""
LEDGER = b"l"
"""Row suffix of a group's ledger, which is written with its head at first."""
_T, _B, _F, _U = b"t", b"b", b"f", b"u/"


def state_rows(before: GroupState | None, after: GroupState) -> Iterator[tuple[bytes, bytes | None]]:
    """(row suffix, value) of the rows that changed; None deletes: layers that have outgrown their row."""
    if before is None or after.group is not before.group:
        yield HEAD, _GROUP.encode(after.group)
    if before is None or after.documents is not before.documents:
        yield _B, _DOCUMENTS.encode(after.documents)
    if before is None or after.ledger is not before.ledger:
        yield LEDGER, _LEDGER.encode(after.ledger)
    facts_changed = before is None or after.facts is not before.facts
    if facts_changed or (before is not None and after.layers is not before.layers):
        facts = _FACTS.encode(after.facts)
        if facts_changed:
            yield _T, facts
        layers = _LAYERS.encode(_Cached(_digest(facts), after.layers))
        yield _F, layers if len(layers) <= LAYERS_BYTES_MAX else None
    if before is None or after.usage is not before.usage:
        yield from _changed_usage(() if before is None else before.usage, after.usage)


_AROUND_DOCUMENTS = 16
"""Bytes around the documents of a row: its version, and the lengths of its lists."""


def changed_fact_rows(before: GroupState, after: GroupState, large: int) -> list[tuple[str, int]]:
    """(what it holds, encoded bytes) of the rows that grow with facts, changed and may have more than ``large`` bytes.

    Never the layers, a cache, nor usage: ``usage_bytes`` tells of the one row that a rated amount is added to.
    """
    rows: list[tuple[str, int]] = []
    if after.group is not before.group:
        rows.append(("contracts and open items", len(_GROUP.encode(after.group))))
    if after.facts is not before.facts:
        rows.append(("contract versions and deliveries", len(_FACTS.encode(after.facts))))
    if after.documents is not before.documents and after.extent.document_bytes + _AROUND_DOCUMENTS > large:
        rows.append(("documents and payments", len(_DOCUMENTS.encode(after.documents))))
    return rows


def usage_bytes(bucket: UsageBucket) -> int:
    """Encoded bytes of a bucket's row."""
    return len(_USAGE.encode(bucket))


def state_from_rows(rows: Iterable[tuple[bytes, bytes]]) -> GroupState:
    """The state that these rows (all of one group) hold. Raises RowUnreadable."""
    single: dict[bytes, bytes] = {}
    usage: list[UsageBucket] = []
    for suffix, value in rows:
        if suffix.startswith(_U):
            usage.append(_USAGE.decode(value))
        else:
            single[suffix] = value
    cached = _LAYERS.decode(single[_F]) if _F in single else _Cached(b"", ())
    facts, documents = _FACTS.decode(single[_T]), _DOCUMENTS.decode(single[_B])
    return GroupState(
        group=_GROUP.decode(single[HEAD]),
        facts=facts,
        documents=documents,
        ledger=_LEDGER.decode(single[LEDGER]),
        usage=tuple(sorted(usage, key=usage_order)),
        layers=cached.layers if cached.digest == _digest(single[_T]) else (),
        extent=extent_of(facts, documents, usage),
    )


usage_order: Callable[[UsageBucket], tuple[str, str, Day]] = attrgetter("contract", "meter", "first")
"""What identifies a bucket, and the order of buckets in a state."""


def _changed_usage(
    before: tuple[UsageBucket, ...], after: tuple[UsageBucket, ...]
) -> Iterator[tuple[bytes, bytes]]:
    """Rows of buckets that are new or not the same; both tuples are in order and none ever vanishes."""
    place = 0
    for bucket in after:
        known = before[place] if place < len(before) else None
        if known is bucket:
            place += 1
            continue
        if known is not None and usage_order(known) == usage_order(bucket):
            place += 1
        yield _usage_suffix(bucket), _USAGE.encode(bucket)
    assert place == len(before), "a usage bucket vanished"


def _usage_suffix(bucket: UsageBucket) -> bytes:
    """Ids hold no NUL, so that two buckets never share a row."""
    place = bucket.first.to_bytes(4, "big", signed=True)
    return _U + b"\0".join((bucket.contract.encode(), bucket.meter.encode(), place))


def _digest(facts_row: bytes) -> bytes:
    return blake2b(facts_row, digest_size=8, person=FOLD_RULE.to_bytes(2, "big")).digest()
