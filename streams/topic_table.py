"""Every topic of tieout as data: its partitions, what is kept and for how long, and why.

Only inboxes are partitioned by key; what task p writes to a topic of its own partition count goes to
partition p. Invariant: every topic names its retention, and nothing that a posting can be explained by is ever
deleted by age.
Pure: ``topics`` compares this table with a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PREFIX = "tieout."

SOURCE_EVENTS = "tieout.source-events"
CONTRACT_EVENTS = "tieout.contract-events"
CONTROL_REQUESTS = "tieout.control-requests"
CONTROL_RECEIPTS = "tieout.control-receipts"
REFERENCE = "tieout.reference"
ERP_COMMANDS = "tieout.erp-commands"
REVENUE_EVENTS = "tieout.revenue-events"
CRM_FEEDBACK = "tieout.crm-feedback"
DECISIONS = "tieout.decisions"
DEAD_LETTERS = "tieout.dead-letters"
EXCEPTIONS = "tieout.exceptions"
CONTROL_TOTALS = "tieout.control-totals"
WORKER_STATUS = "tieout.worker-status"

AGENT_INPUTS: Mapping[str, str] = {
    "contracts": CONTRACT_EVENTS,
    "control": CONTROL_REQUESTS,
    "posting": ERP_COMMANDS,
}
"""Agent -> the topic that it reads; its changelog has the same number of partitions."""

_MIB = 1 << 20
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Setting:
    """One topic setting with the reason for its value."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic. ``settings`` are managed, everything else is left to the broker's defaults.

    ``key`` says what records are keyed by. ``longest_stall_s`` is set where several transactional writers share
    a partition: so long can one that dies inside a transaction hold back read-committed readers of all.
    """

    name: str
    key: str
    partitions: int
    replication_factor: int
    settings: tuple[Setting, ...]
    longest_stall_s: int | None = None

    def setting(self, name: str) -> str | None:
        """Value of a managed setting."""
        return next((setting.value for setting in self.settings if setting.name == name), None)


_LOG_TIME = Setting(
    "message.timestamp.type",
    "LogAppendTime",
    "it is the input of an agent: time is the log's, never a producer's clock",
)
_BROKER_TIME = Setting(
    "message.timestamp.type",
    "LogAppendTime",
    "one clock, the broker's: it refuses records of a worker whose own clock is more than an hour ahead",
)
_STALL_S = 62
"""60 s transaction timeout, and at worst twice the broker's one-second scan for transactions that are over it."""


def _kept(milliseconds: int, reason: str) -> tuple[Setting, ...]:
    return (
        Setting("cleanup.policy", "delete", "a log"),
        Setting("retention.bytes", "-1", "never cut by size"),
        Setting("retention.ms", str(milliseconds), reason),
    )


def _kept_forever(reason: str) -> tuple[Setting, ...]:
    return _kept(-1, f"for ever: {reason}")


def _kept_days(days: int, reason: str) -> tuple[Setting, ...]:
    return _kept(days * _DAY_MS, f"{days} days: {reason}")


def _compacted(
    reason: str, *, segment_bytes: int = 16 * _MIB, tombstone_ms: int = 7 * _DAY_MS
) -> tuple[Setting, ...]:
    return (
        Setting("cleanup.policy", "compact", reason),
        Setting("segment.bytes", str(segment_bytes), "only closed segments are compacted"),
        Setting("max.compaction.lag.ms", str(_HOUR_MS), "an idle topic is compacted, too"),
        Setting("min.compaction.lag.ms", "0", "nobody needs the versions in between"),
        Setting("delete.retention.ms", str(tombstone_ms), "a reader away for less still sees deletions"),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """``partitions``: P of the installation, one, or one per ERP account."""

    name: str
    key: str
    partitions: Literal["P", "1", "accounts"]
    settings: tuple[Setting, ...]
    stall_s: int | None = None


_ROWS = (
    _Row(
        SOURCE_EVENTS,
        "tenant/source/object",
        "P",
        (*_kept_days(35, "the dedup horizon; what is older cannot be proved new"), _LOG_TIME),
    ),
    _Row(
        CONTRACT_EVENTS,
        "tenant/group",
        "P",
        (*_kept_forever("the inbox; state is a function of it and replay starts at 0"), _LOG_TIME),
        _STALL_S,
    ),
    _Row(
        CONTROL_REQUESTS,
        "request id",
        "1",
        (*_kept_forever("who closed what, and when, is part of the audit trail"), _LOG_TIME),
    ),
    _Row(CONTROL_RECEIPTS, "request id", "P", _kept_forever("proves that a close is complete; read from 0")),
    _Row(
        REFERENCE,
        "kind/id/version",
        "1",
        _kept_forever("a cut is an offset: what was below it for one worker is so for all, at any time"),
    ),
    _Row(
        ERP_COMMANDS,
        "lane",
        "accounts",
        (*_kept_forever("what was asked of the ERP; explain and reconcile read it"), _LOG_TIME),
        _STALL_S,
    ),
    _Row(REVENUE_EVENTS, "event id", "P", _kept_forever("the detail behind summed journals")),
    _Row(
        CRM_FEEDBACK,
        "feedback id",
        "P",
        _kept_days(35, "a reader away for longer asks for the contract's state"),
    ),
    _Row(
        DECISIONS, "decision id", "P", _kept_forever("outcomes that outputs do not tell; explain seeks here")
    ),
    _Row(
        DEAD_LETTERS,
        "place in the inbox",
        "P",
        _kept_days(400, "a financial year and its audit; the raw record stays in the inbox"),
    ),
    _Row(EXCEPTIONS, "exception id", "P", _compacted("the latest state of each work item")),
    _Row(
        CONTROL_TOTALS,
        "partition",
        "P",
        _compacted("the latest totals; written once a second", segment_bytes=4 * _MIB),
    ),
    _Row(
        WORKER_STATUS,
        "worker id",
        "1",
        (
            *_compacted(
                "the latest heartbeat; written once a second", segment_bytes=_MIB, tombstone_ms=_HOUR_MS
            ),
            Setting("message.timestamp.type", "LogAppendTime", "its age is told by one clock, the broker's"),
        ),
    ),
)

_CHANGELOG = (
    *_compacted("the tables' truth: the last version of each row", segment_bytes=32 * _MIB),
    Setting("min.cleanable.dirty.ratio", "0.3", "shorter restores for a little more compaction"),
)
"""Tombstones live 7 days: a local store that was away for longer is rebuilt instead of caught up."""


def changelog_of(agent: str) -> str:
    """Changelog topic of an agent's tables."""
    return f"{PREFIX}{agent}-changelog"


def topic_table(
    partitions: int,
    *,
    erp_accounts: int = 1,
    replication_factor: int = 1,
    min_in_sync: int | None = None,
    agents: Mapping[str, str] = AGENT_INPUTS,
) -> tuple[TopicSpec, ...]:
    """Build the table for ``partitions`` inbox partitions and ``erp_accounts`` accounts to post to.

    ``min_in_sync`` defaults to one less than the copies (2 of 3), so that one broker may be away. ``agents`` maps
    each agent to its input, for its changelog.
    """
    assert partitions >= 1
    assert erp_accounts >= 1
    in_sync = min_in_sync if min_in_sync is not None else max(1, replication_factor - 1)
    assert 1 <= in_sync <= replication_factor
    copies = Setting("min.insync.replicas", str(in_sync), "what is acknowledged is on so many brokers")
    counts = {"P": partitions, "1": 1, "accounts": erp_accounts}

    def spec(row: _Row, count: int) -> TopicSpec:
        told = {setting.name for setting in row.settings}
        clock = () if _BROKER_TIME.name in told else (_BROKER_TIME,)
        settings = (*row.settings, *clock, copies)
        return TopicSpec(row.name, row.key, count, replication_factor, settings, row.stall_s)

    topics = {row.name: spec(row, counts[row.partitions]) for row in _ROWS}
    changelogs = (
        spec(_Row(changelog_of(agent), "row key", "P", _CHANGELOG), topics[source].partitions)
        for agent, source in agents.items()
    )
    return (*topics.values(), *changelogs)
