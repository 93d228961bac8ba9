"""The contract groups that a task holds in memory: decoded once, written once per commit.

Invariant: an entry equals its rows as of the current transaction, except for ``state``, which is written at
flush. The engine drops the whole task when a transaction fails, so an entry never outlives an aborted write.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from tieout.agents.spec import Effects, Rows
from tieout.tables.codec import RowUnreadable
from tieout.tables.contract import Group, GroupState
from tieout.tables.group_rows import HEAD, LEDGER, head_from_row, state_from_rows, state_rows
from tieout.tables.keys import (
    GROUP_ROWS,
    HELD,
    PARKED,
    STATE,
    STUCK,
    after_group,
    group_of,
    group_prefix,
)
from tieout.tables.waiting import Waiting, decode_waiting, encode_waiting

_MENDABLE = ("never", "fact")
"""Retries of events that lack something that their source may say itself, in place of what it said."""


class GroupEntry:
    """One group: its state and the events of it that wait, by row suffix."""

    __slots__ = ("held", "parked", "prefix", "saved", "state", "stuck_seq")

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self.state: GroupState | None = None
        self.saved: GroupState | None = None
        self.held: dict[bytes, Waiting] = {}
        self.parked: dict[bytes, Waiting] = {}
        self.stuck_seq = 0
        """The marker that could not be applied to this group, 0 when none."""

    def hold(self, suffix: bytes, row: Waiting, effects: Effects) -> bytes:
        """Write a held event; gives its key."""
        self.held[suffix] = row
        key = self.prefix + HELD + suffix
        effects.put(key, encode_waiting(row))
        return key

    def release(self, suffix: bytes, effects: Effects) -> Waiting:
        """Take a held event out."""
        effects.delete(self.prefix + HELD + suffix)
        return self.held.pop(suffix)

    def park(self, suffix: bytes, row: Waiting, effects: Effects) -> None:
        """Write a parked event."""
        self.parked[suffix] = row
        effects.put(self.prefix + PARKED + suffix, encode_waiting(row))

    def unpark(self, suffix: bytes, effects: Effects) -> Waiting:
        """Take a parked event out."""
        effects.delete(self.prefix + PARKED + suffix)
        return self.parked.pop(suffix)

    def get_stuck(self, control_seq: int, effects: Effects) -> None:
        """Remember the marker that the group is stuck at; 0 when it is not any more."""
        self.stuck_seq = control_seq
        key = self.prefix + STUCK
        if control_seq:
            effects.put(key, control_seq.to_bytes(8, "big"))
        else:
            effects.delete(key)

    def refused_as(self, scope: str) -> bytes | None:
        """Row suffix of the event that an exception of this scope stands for, if its source can mend it."""
        rows = self.parked.items()
        return next((s for s, row in rows if row.scope == scope and row.retry in _MENDABLE), None)

    def held_of(self, contract_id: str) -> int:
        """How many events of a contract are held."""
        return sum(1 for row in self.held.values() if row.contract_id == contract_id)


class Groups:
    """Entries by group, the least recently used ones let go once they are written."""

    def __init__(self, rows: Rows, entries_max: int) -> None:
        self._rows = rows
        self._entries_max = entries_max
        self._entries: OrderedDict[bytes, GroupEntry] = OrderedDict()
        self._dirty: dict[bytes, GroupEntry] = {}

    def get(self, tenant: str, group_id: str) -> GroupEntry:
        """The entry of a group, read from its rows when it is not in memory."""
        return self.at(group_prefix(tenant, group_id))

    def at(self, prefix: bytes) -> GroupEntry:
        """The entry of the group with this row prefix."""
        entry = self._entries.get(prefix)
        if entry is None:
            entry = self._entries[prefix] = self._load(prefix)
        else:
            self._entries.move_to_end(prefix)
        return entry

    def head(self, tenant: str, group_id: str) -> Group | None:
        """The contracts of a group, read from one row where it is not in memory; None for one that never was."""
        prefix = group_prefix(tenant, group_id)
        entry = self._entries.get(prefix)
        if entry is not None:
            return None if entry.state is None else entry.state.group
        row = self._rows.get(prefix + STATE + HEAD)
        return None if row is None else head_from_row(row)

    def changed(self, entry: GroupEntry, state: GroupState) -> None:
        """The group has a new state; it is written at the next flush."""
        entry.state = state
        self._dirty[entry.prefix] = entry

    def flush(self, effects: Effects) -> None:
        """Write the rows that changed, and let go of what is beyond the limit."""
        for entry in self._dirty.values():
            assert entry.state is not None
            for suffix, value in state_rows(entry.saved, entry.state):
                key = entry.prefix + STATE + suffix
                if value is None:
                    effects.delete(key)
                else:
                    effects.put(key, value)
            entry.saved = entry.state
        self._dirty.clear()
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)

    def prefixes_from(self, start: bytes) -> Iterator[bytes]:
        """Row prefixes of the groups at or after ``start``, in key order, one seek each."""
        while True:
            found = next(self._rows.scan(GROUP_ROWS, start), None)
            if found is None:
                return
            prefix = found[0][: found[0].index(b"\0", found[0].index(b"\0") + 1) + 1]
            yield prefix
            start = after_group(prefix)

    def _load(self, prefix: bytes) -> GroupEntry:
        entry = GroupEntry(prefix)
        if self._rows.get(prefix + STATE + HEAD) is None:
            if self._rows.get(prefix + STATE + LEDGER) is not None:
                raise RowUnreadable(
                    f"the head row of group {group_of(prefix)} is missing, its ledger is there: rebuild the store from "
                    "the changelog; taken for a new group it would be posted again"
                )
            return entry  # new. To scan would cost a seek, and the order of all that the transaction has written.
        state: list[tuple[bytes, bytes]] = []
        kind_at = len(prefix)
        for key, value in self._rows.scan(prefix, prefix + HELD):
            kind, suffix = key[kind_at : kind_at + 1], key[kind_at + 1 :]
            if kind == STATE:
                state.append((suffix, value))
            elif kind == HELD:
                entry.held[suffix] = decode_waiting(value)
            elif kind == STUCK:
                entry.stuck_seq = int.from_bytes(value, "big")
            else:
                assert kind == PARKED, key
                entry.parked[suffix] = decode_waiting(value)
        if state:
            entry.state = entry.saved = state_from_rows(state)
        return entry
