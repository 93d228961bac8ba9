"""The rows of a contract group: one per part, so that a payment does not rewrite the terms.

Invariants: ``state_from_rows`` of what ``state_rows`` wrote is the same state; layers are a cache beside the facts they
were folded from, and are dropped when those facts, or the rule that folds them, are not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from operator import attrgetter
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from tieout.avro.events import Day
from tieout.tables.codec import PACKED_FROM, STATE_VERSION, RowCodec
from tieout.tables.contract import Course, Group, GroupState
from tieout.tables.documents import Documents
from tieout.tables.erp_answers import NONE, ErpAnswers
from tieout.tables.extent import extent_of
from tieout.tables.facts import Facts
from tieout.tables.layers import Layers
from tieout.tables.ledger import Ledger
from tieout.tables.previous import previous
from tieout.tables.work import UsageBucket, WorkLog

FOLD_RULE = 2
"""Changes whenever the fold gives other layers for the same facts: cached layers of another rule are not read."""

LAYERS_BYTES_MAX = 128 * 1024
"""A larger row of layers is not written: it is a cache, and folding anew is cheaper than such a row."""


_Kept = TypeVar("_Kept", bound=msgspec.Struct)


class _Cached(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Layers as stored: with the digest of the facts row and the rule that they were folded by."""

    digest: bytes
    layers: tuple[Layers, ...]


_SELDOM_WRITTEN = 2 * 1024
"""Bytes from which on rows are compressed that versions and deliveries write, but no document and no cash."""


def _codec(name: str, kind: type[_Kept], packed_from: int = PACKED_FROM) -> RowCodec[_Kept]:
    shapes = {STATE_VERSION: kind, STATE_VERSION - 1: previous(kind)}
    return RowCodec(name, STATE_VERSION, shapes, packed_from)


_GROUP = _codec("group", Group)
_FACTS = _codec("facts", Facts, _SELDOM_WRITTEN)
_DOCUMENTS = _codec("documents", Documents)
_LEDGER = _codec("ledger", Ledger)
_USAGE = _codec("usage", UsageBucket)
_WORK = _codec("work", WorkLog)
_LAYERS = _codec("layers", _Cached, _SELDOM_WRITTEN)
_ERP = _codec("ERP answers", ErpAnswers)

HEAD = b"g"
"""Row suffix of a group's head, which is there as soon as any row of the group is."""
LEDGER = b"l"
"""Row suffix of a group's ledger, which is written with its head at first."""
_T, _B, _F, _U, _E, _P = b"t", b"b", b"f", b"u/", b"e/", b"p"


def state_rows(before: GroupState | None, after: GroupState) -> Iterator[tuple[bytes, bytes | None]]:
    """(row suffix, value) of the rows that changed; None deletes: layers that outgrew theirs, answers that are over."""
    if before is None or after.group is not before.group:
        yield HEAD, _GROUP.encode(after.group)
    if before is None or after.documents is not before.documents:
        yield _B, _DOCUMENTS.encode(after.documents)
    if before is None or after.ledger is not before.ledger:
        yield LEDGER, _LEDGER.encode(after.ledger)
    yield from _fact_rows(before, after)
    if after.erp is not (NONE if before is None else before.erp):
        yield _P, None if after.erp == NONE else _ERP.encode(after.erp)


def _fact_rows(before: GroupState | None, after: GroupState) -> Iterator[tuple[bytes, bytes | None]]:
    """Rows of facts other than billing, with the layers that they give."""
    facts_changed = before is None or after.facts is not before.facts
    if facts_changed or (before is not None and after.layers is not before.layers):
        facts = _FACTS.encode(after.facts)
        if facts_changed:
            yield _T, facts
        layers = _LAYERS.encode(_Cached(_digest(facts), after.layers))
        yield _F, layers if len(layers) <= LAYERS_BYTES_MAX else None
    if before is None or after.usage is not before.usage:
        for bucket in _changed(() if before is None else before.usage, after.usage, usage_order):
            yield _usage_suffix(bucket), _USAGE.encode(bucket)
    if before is None or after.work is not before.work:
        for log in _changed(() if before is None else before.work, after.work, work_order):
            yield _work_suffix(log), _WORK.encode(log)


def fits_previous(before: GroupState, after: GroupState) -> bool:
    """Whether rows of k-1 have a place for what ``after`` says and ``before`` did not."""
    if after.work is not before.work or after.erp is not before.erp:
        return False
    if after.group is not before.group and not _GROUP.fits_previous(_without_courses(after.group)):
        return False
    if after.facts is not before.facts and not _FACTS.fits_previous(after.facts):
        return False
    if after.documents is not before.documents and not _DOCUMENTS.fits_previous(after.documents):
        return False
    if after.ledger is not before.ledger and not _LEDGER.fits_previous(after.ledger):
        return False
    return all(_USAGE.fits_previous(bucket) for bucket in _changed(before.usage, after.usage, usage_order))


def _without_courses(group: Group) -> Group:
    """How far contracts came in their ERP is no fact: nothing is booked by it, and an older release goes on without."""
    contracts = tuple([replace(each, course=Course()) for each in group.contracts])
    return replace(group, contracts=contracts)


_AROUND_DOCUMENTS = 16
"""Bytes around the documents of a row: its version, and the lengths of its lists."""


def changed_fact_rows(before: GroupState, after: GroupState, large: int) -> list[tuple[str, int]]:
    """(what it holds, encoded bytes) of the rows that grow with facts, changed and may have more than ``large`` bytes.

    Never the layers, a cache, nor usage and work: ``usage_bytes`` and ``work_bytes`` tell of the one row that is added to.
    """
    rows: list[tuple[str, int]] = []
    if after.group is not before.group:
        rows.append(("contracts and open items", _GROUP.size(after.group)))
    if after.facts is not before.facts:
        rows.append(("contract versions and deliveries", _FACTS.size(after.facts)))
    if after.documents is not before.documents and after.extent.document_bytes + _AROUND_DOCUMENTS > large:
        rows.append(("documents and payments", _DOCUMENTS.size(after.documents)))
    if after.erp is not before.erp:
        rows.append(("what its ERP refused", _ERP.size(after.erp)))
    return rows


def beside_series_bytes(ledger: Ledger) -> int:
    """Encoded bytes of what stands in the ledger's row beside the series: withheld movements and manual journals."""
    if not (ledger.withheld or ledger.manual):
        return 0
    return _LEDGER.size(Ledger((), ledger.withheld, ledger.manual))


def work_bytes(log: WorkLog) -> int:
    """Encoded bytes of the row of one promise's work."""
    return _WORK.size(log)


def usage_bytes(bucket: UsageBucket) -> int:
    """Encoded bytes of a bucket's row."""
    return _USAGE.size(bucket)


def head_from_row(value: bytes) -> Group:
    """The head of a group by itself. Raises RowUnreadable."""
    return _GROUP.decode(value)


def state_from_rows(rows: Iterable[tuple[bytes, bytes]]) -> GroupState:
    """The state that these rows (all of one group) hold. Raises RowUnreadable."""
    single: dict[bytes, bytes] = {}
    usage: list[UsageBucket] = []
    work: list[WorkLog] = []
    for suffix, value in rows:
        if suffix.startswith(_U):
            usage.append(_USAGE.decode(value))
        elif suffix.startswith(_E):
            work.append(_WORK.decode(value))
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
        extent=extent_of(facts, documents, usage, work),
        work=tuple(sorted(work, key=work_order)),
        erp=_ERP.decode(single[_P]) if _P in single else NONE,
    )


usage_order: Callable[[UsageBucket], tuple[str, str, Day]] = attrgetter("contract", "meter", "first")
"""What identifies a bucket, and the order of buckets in a state."""


work_order: Callable[[WorkLog], tuple[str, str]] = attrgetter("contract", "po")
"""What identifies the work on a promise, and the order of it in a state."""

_Rowed = TypeVar("_Rowed", UsageBucket, WorkLog)


def _changed(
    before: tuple[_Rowed, ...], after: tuple[_Rowed, ...], order: Callable[[_Rowed], tuple[object, ...]]
) -> Iterator[_Rowed]:
    """What is new or not the same; both tuples are in order and nothing ever vanishes."""
    place = 0
    for each in after:
        known = before[place] if place < len(before) else None
        if known is each:
            place += 1
            continue
        if known is not None and order(known) == order(each):
            place += 1
        yield each
    assert place == len(before), "a row of usage or work vanished"


def _usage_suffix(bucket: UsageBucket) -> bytes:
    """Ids hold no NUL, so that two buckets never share a row."""
    place = bucket.first.to_bytes(4, "big", signed=True)
    return _U + b"\0".join((bucket.contract.encode(), bucket.meter.encode(), place))


def _work_suffix(log: WorkLog) -> bytes:
    """Ids hold no NUL, so that two promises never share a row."""
    return _E + b"\0".join((log.contract.encode(), log.po.encode()))


def _digest(facts_row: bytes) -> bytes:
    return blake2b(facts_row, digest_size=8, person=FOLD_RULE.to_bytes(2, "big")).digest()
