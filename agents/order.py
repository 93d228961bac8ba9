"""Stage order: an event goes on when everything that it builds on is there; else it is held.

A contract's versions are contiguous from 1; a fact of a contract waits for its activation. Invariant: what is
ready is decided in version order, whatever the order of arrival, and what waits has a deadline. Facts that say
something before there is a contract (an opportunity, a quote, a decision on a parked activation) wait for nothing.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from tieout.agents.groups import GroupEntry
from tieout.agents.spec import Effects
from tieout.avro.catalogue import EVENT_TYPES
from tieout.avro.events import ContractActivated, ContractOpenedMidlife, Event
from tieout.tables.keys import HELD, fact_suffix, timer_key, version_suffix
from tieout.tables.waiting import Waiting


class Ready(msgspec.Struct, frozen=True, gc=False):
    """The event can be decided now."""


class Hold(msgspec.Struct, frozen=True, gc=False):
    """The event waits under this row suffix for ``missing`` (a version number)."""

    suffix: bytes
    missing: int


class Misfit(msgspec.Struct, frozen=True, gc=False):
    """The event can never become ready: a reason code and what is wrong."""

    code: str
    detail: str


class NoRoom(msgspec.Struct, frozen=True, gc=False):
    """The event would have to wait, and too many already do."""

    detail: str


Place = Ready | Hold | Misfit | NoRoom
_READY = Ready()
_OPENINGS = (ContractActivated, ContractOpenedMidlife)
"""What a contract can begin with."""


def place(entry: GroupEntry, event: Event, offset: int, held_max: int) -> Place:
    """Where the event stands relative to its contract's versions (resequencer, EIP)."""
    envelope = event.envelope
    contract_id = envelope.contract_id
    watermark = watermark_of(entry, contract_id)
    kind = EVENT_TYPES[envelope.event_type]
    if kind.ordering != "sequence":
        if watermark > 0 or kind.before_contract:
            return _READY
        return _held(entry, contract_id, fact_suffix(contract_id, offset), 1, held_max)
    version = envelope.object_version
    suffix = version_suffix(contract_id, version)
    if version <= watermark or suffix in entry.held or suffix in entry.parked:
        return Misfit(
            "VERSION_BASE_MISMATCH",
            f"version {version} of this contract was already given by another source object",
        )
    if version == 1 and not isinstance(event, _OPENINGS):
        return Misfit("VERSION_BASE_MISMATCH", "version 1 of a contract must be its activation")
    if version == watermark + 1:
        return _READY
    return _held(entry, contract_id, suffix, watermark + 1, held_max)


def watermark_of(entry: GroupEntry, contract_id: str) -> int:
    """Last accepted version of the contract, 0 before its activation."""
    contract = entry.state.contract(contract_id) if entry.state is not None else None
    return contract.watermark if contract is not None else 0


def next_ready(entry: GroupEntry, contract_id: str) -> bytes | None:
    """Row suffix of a held event of the contract that became ready: the next version first, then facts.

    A version that a snapshot of a later one has made superfluous is ready, too: to be refused by name.
    """
    if not entry.held:
        return None
    watermark = watermark_of(entry, contract_id)
    if watermark == 0:
        return None
    suffix = version_suffix(contract_id, watermark + 1)
    if suffix in entry.held:
        return suffix
    passed = version_suffix(contract_id, watermark)
    first = version_suffix(contract_id, 0)
    late = min((s for s in entry.held if first < s <= passed and s[:-8] == first[:-8]), default=None)
    if late is not None:
        return late
    facts = fact_suffix(contract_id, 0)[:-8]
    return min((s for s in entry.held if s.startswith(facts)), default=None)


def hold(entry: GroupEntry, suffix: bytes, row: Waiting, effects: Effects) -> None:
    """Write the held event and its timer."""
    key = entry.hold(suffix, row, effects)
    effects.put(timer_key(row.deadline_ms, key), b"\1")


def timer_restarted(entry: GroupEntry, suffix: bytes, deadline_ms: int, effects: Effects) -> Waiting:
    """Give a held event whose timer has run a new one: it waits for another version now."""
    row = structs.replace(entry.held[suffix], deadline_ms=deadline_ms, fired=False, scope="", detail="")
    hold(entry, suffix, row, effects)
    return row


def release(entry: GroupEntry, suffix: bytes, effects: Effects) -> Waiting:
    """Take a held event out, with its timer if that has not fired."""
    row = entry.release(suffix, effects)
    if not row.fired:
        effects.delete(timer_key(row.deadline_ms, entry.prefix + HELD + suffix))
    return row


def _held(entry: GroupEntry, contract_id: str, suffix: bytes, missing: int, held_max: int) -> Hold | NoRoom:
    if entry.held_of(contract_id) >= held_max:
        return NoRoom(f"{held_max} events of this contract already wait for version {missing}")
    return Hold(suffix, missing)
