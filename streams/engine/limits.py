"""Every number the engine works by, each with its reason.

Invariant: deadlines nest (a slice is shorter than a commit, a commit shorter than the transaction timeout), so that a
stuck step is found by us before the broker gives the transaction up.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.tables.codec import STATE_VERSION

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Limits and deadlines of one worker. Sizes in bytes, times in seconds."""

    max_records_per_transaction: int = 5_000
    """Larger ones gain nothing measurable and cost latency and memory."""
    max_transaction_bytes: int = 16 * MIB
    """Outputs, rows put and rows read by one transaction, above which no more is stepped; 5,000 records make 2 to 10."""
    max_slice_seconds: float = 0.05
    """How long records are stepped before a commit; it bounds latency at low CPU speed."""
    clock_every_records: int = 64
    """Records stepped between two looks at the clock."""
    breath_seconds: float = 0.005
    """How long records are stepped before the worker's other partitions may act on the broker's answers: each step of
    their commits would wait for whole slices otherwise."""
    floor_seconds: float = 0.02
    """Least time between transactions while little is queued: each costs about 2 ms of CPU."""
    work_rows: int = 500
    """Rows of background work between two batches, so that a sweep never delays input by much."""
    tick_seconds: float = 5.0
    """An idle partition writes itself a tick this often, so that timers fire without traffic."""
    not_ready_seconds: float = 0.2
    """Wait between tries of a record that is not ready."""
    max_row_bytes: int = 256 * KIB
    """A larger row rewrites itself at every touch; split it."""
    max_record_bytes: int = 900_000
    """Largest record and batch, below the broker's default ``message.max.bytes`` of 1 MiB."""
    queue_bytes: int = 256 * MIB
    """Fetched and not yet stepped, over all partitions of the worker; divided equally among them."""
    weights_kept: int = 300_000
    """Rows whose weight in the digest is remembered, over all partitions of the worker; divided equally among them.
    One takes up to 180 bytes with a key of 60."""
    fetch_bytes: int = 1 * MIB
    """Most that one fetch brings for one partition."""
    max_unpacked_bytes: int = 64 * MIB
    """Most that the records of one batch may unpack to: the broker bounds only what is sent, 1 MiB, and real ones
    compress to a tenth. A larger one halts its partition."""
    fetch_wait_ms: int = 100
    """Longest the broker holds an empty fetch; new data of another partition can wait that long."""
    transaction_timeout_seconds: float = 60.0
    """When the broker gives a transaction of a dead writer up: longest stall of read-committed readers."""
    send_seconds: float = 30.0
    """Longest wait for the acknowledgements of one transaction's records."""
    commit_seconds: float = 30.0
    """Longest wait for the end of a transaction; must stay under the transaction timeout."""
    fence_seconds: float = 60.0
    """Longest wait for the broker to hand over a transactional id; then it is tried again."""
    foreign_transaction_seconds: float = 90.0
    """How long a restore waits for somebody else's open transaction on our changelog before it halts."""
    restarts: int = 3
    """Tries of a failing task before its partition halts."""
    restart_seconds: float = 0.5
    """First wait before a restart; it doubles, with jitter."""
    state_version: int = STATE_VERSION
    """Version of the rows that are written; the one before while workers of the older release still run."""
    verify_rows: bool = True
    """Add up all rows at each start, about 1.5 s per million of them: finds whatever a disk has lost, kept too long or
    mixed up. False: only of what a start replays is the sum kept up, and a finished store is believed."""
    isolate_after: int = 3
    """Process deaths by one record before it is set aside unread."""
    session_timeout_seconds: float = 6.0
    """A dead worker's partitions move after this; also the broker's default floor."""
    max_poll_seconds: float = 120.0
    """A frozen event loop is evicted after this; fencing makes it safe, this makes it live."""
    stuck_seconds: float = 60.0
    """An event loop that does not turn for so long has a step that never ends: the process ends itself."""
    stop_seconds: float = 8.0
    """A graceful stop ends within this."""
    revoke_seconds: float = 5.0
    """A running commit may take this long when partitions are revoked."""

    def __post_init__(self) -> None:
        assert self.max_slice_seconds < self.commit_seconds < self.transaction_timeout_seconds
        assert self.max_row_bytes < self.max_record_bytes
