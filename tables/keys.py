"""Where each row of the contract agent lives.

Group rows start with tenant and group, so that one scan loads a group and a partition can be swept group by
group; partition rows (markers, sweep, timers, totals, sums of journals) sort before them. Invariant: no id contains NUL (decode
refuses it), so a prefix never runs into another group.
"""

from __future__ import annotations

PARTITION_ROWS = b"\x01"
GROUP_ROWS = b"\x02"

BATCH_ROWS = PARTITION_ROWS + b"b"
CONTROL_ROWS = PARTITION_ROWS + b"c"
SUM_ROWS = PARTITION_ROWS + b"j"
SHARE_ROWS = PARTITION_ROWS + b"k"
SWEEP_ROW = PARTITION_ROWS + b"s"
TIMER_ROWS = PARTITION_ROWS + b"t"
TOTALS_ROW = PARTITION_ROWS + b"u"

IDENTITY = b"d"
HELD = b"h"
PARKED = b"p"
STATE = b"s"
STUCK = b"t"
"""Row kinds inside a group. Identities sort first: a scan from HELD on loads a group without them."""

_AFTER_GROUP = b"\xff"


def group_prefix(tenant: str, group_id: str) -> bytes:
    """Prefix of every row of one group."""
    return GROUP_ROWS + tenant.encode() + b"\0" + group_id.encode() + b"\0"


def group_of(key: bytes) -> tuple[str, str]:
    """(tenant, group id) of a group row's key."""
    assert key.startswith(GROUP_ROWS), key
    tenant, group_id, _ = key[1:].split(b"\0", 2)
    return tenant.decode(), group_id.decode()


def after_group(prefix: bytes) -> bytes:
    """A key behind every row of the group and before the next group: row kinds are ASCII."""
    return prefix + _AFTER_GROUP


def control_key(control_seq: int) -> bytes:
    """Row of one marker."""
    return CONTROL_ROWS + control_seq.to_bytes(8, "big")


def version_suffix(contract_id: str, version: int) -> bytes:
    """Suffix of a held or parked version: sorts by version inside its contract."""
    return contract_id.encode() + b"\0v" + version.to_bytes(8, "big")


def fact_suffix(contract_id: str, offset: int) -> bytes:
    """Suffix of a held or parked fact: sorts by arrival inside its contract."""
    return contract_id.encode() + b"\0f" + offset.to_bytes(8, "big")


def timer_key(deadline_ms: int, held_key: bytes) -> bytes:
    """Row of a timer: sorts by deadline. Logged, because deriving it would scan all state at each start."""
    return TIMER_ROWS + deadline_ms.to_bytes(8, "big") + held_key


def timer_of(key: bytes) -> tuple[int, bytes]:
    """(deadline in milliseconds, key of the held row) of a timer row."""
    start = len(TIMER_ROWS)
    return int.from_bytes(key[start : start + 8], "big"), key[start + 8 :]
