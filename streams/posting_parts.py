"""What the posting agent is made of in a worker: its accounts' gates, and who calls them.

Invariant: one gate per account in a process, whatever is started again; a call goes to the account that its command names.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tieout.agents.contracts.erp_answers import exception_code
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.posting.agent import Account, posting_agent
from tieout.agents.posting.backlog import Backlog, backlog
from tieout.agents.posting.settling import Patience
from tieout.agents.posting.task import PostingSettings, PostingTask
from tieout.agents.spec import AgentSpec
from tieout.avro.codec import Codec
from tieout.streams import topics
from tieout.streams.edges.erp.accounts import AccountsRefused, ErpAccount, connect, load_accounts
from tieout.streams.edges.erp.gate import BEGINS_WITHIN_MS, Gate
from tieout.streams.edges.erp.pace import drain_seconds
from tieout.streams.edges.erp.port import Erp
from tieout.streams.edges.producing import partition_of
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.operate.status import AccountStatus
from tieout.tables.posting import CALLS

log = logging.getLogger(__name__)

NAME = "posting"
_RATE_SECONDS = 1.0
_RATE_SMOOTHING = 0.3
_COUNTING_SHARE = 0.02
"""Counting a backlog may take so much of the working loop's time: a long one is counted less often."""


@dataclass(slots=True)
class Rate:
    """How fast a counter has grown of late, in a second."""

    _count: int = -1
    _at: float = 0.0
    _rate: float = 0.0

    def of(self, count: int, now: float) -> float:
        """The rate after this look; one look in a few seconds is enough."""
        if self._count < 0 or count < self._count:
            self._count, self._at, self._rate = count, now, 0.0
        elif now - self._at >= _RATE_SECONDS:
            latest = (count - self._count) / (now - self._at)
            self._rate += _RATE_SMOOTHING * (latest - self._rate)
            self._count, self._at = count, now
        return self._rate


@dataclass(slots=True)
class Counted:
    """An account's backlog as of late: counted anew when enough time has gone by for what counting takes."""

    _latest: Backlog = field(default_factory=Backlog)
    _again_at: float = 0.0

    def of(self, count: Callable[[], Backlog], clock: Callable[[], float]) -> Backlog:
        """The backlog; ``clock`` gives monotonic seconds."""
        began = clock()
        if began >= self._again_at:
            self._latest = count()
            ended = clock()
            self._again_at = ended + (ended - began) / _COUNTING_SHARE
        return self._latest


@dataclass(slots=True)
class PostingParts:
    """``gates`` and ``accounts`` by name, ``tasks`` by partition of the command topic; ``folder`` is that of the secrets."""

    codec: Codec
    accounts: dict[str, ErpAccount]
    gates: dict[str, Gate]
    ports: dict[str, Erp]
    tasks: dict[int, PostingTask] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    _rates: dict[str, Rate] = field(default_factory=dict)
    _counted: dict[str, Counted] = field(default_factory=dict)
    _left: list[Erp] = field(default_factory=list)

    async def call(self, key: bytes, value: bytes) -> bytes:
        """The agent's caller."""
        command: Any = self.codec.decode(CALLS.decode(value).command)
        return await self.gates[command.header.erp_account](key, value)

    def agent(self, inbox_partitions: int) -> AgentSpec:
        """The agent over these accounts."""
        return posting_agent(
            PostingSettings(
                input_topic=topics.ERP_COMMANDS,
                inbox=topics.CONTRACT_EVENTS,
                dead_letters=topics.DEAD_LETTERS,
                control_totals=topics.CONTROL_TOTALS,
            ),
            {account.partition: self._account(name) for name, account in self.accounts.items()},
            changelog_topic=topics.changelog_of(NAME),
            codec=self.codec,
            placement=lambda key: partition_of(key, inbox_partitions),
            now_ms=_now_ms,
            opened=self.tasks.__setitem__,
        )

    def status(self, partition: int, unread: int) -> AccountStatus | None:
        """The account of a partition that is worked on here; ``unread`` commands wait in Kafka."""
        task = self.tasks.get(partition)
        name = next((name for name, each in self.accounts.items() if each.partition == partition), None)
        if task is None or name is None:
            return None
        gate, posted = self.gates[name], task.ledger.totals.count("applied")
        rate = self._rates.setdefault(name, Rate()).of(posted, time.monotonic())
        now_ms = _now_ms()
        found = self._counted.setdefault(name, Counted()).of(
            lambda: backlog(task.lanes, now_ms, _owner_of), time.monotonic
        )
        left = unread + found.movable
        return AccountStatus(
            account=name,
            slots=gate.pace.slots,
            limit=round(gate.pace.limit, 1),
            calls_running=gate.calls_running,
            breaker=gate.breaker,
            throttled=gate.throttled,
            stopped=gate.pace.stopped,
            stopped_ms=gate.stopped_ms,
            paused_seconds=round(gate.paused_seconds, 1),
            posted=posted,
            posted_per_second=round(rate, 2),
            drain_seconds=drain_seconds(left, None if gate.pace.stopped else rate),
            drain_seconds_at_slots=drain_seconds(left, gate.commands_per_second),
            backlog=found.rows,
            parked_lanes=found.parked_lanes,
            unposted=found.commands,
            unread=unread,
            oldest_seconds=_age_seconds(found.oldest_ms, now_ms),
            movable_oldest_seconds=_age_seconds(found.movable_oldest_ms, now_ms),
            amounts=found.amounts,
            received=task.ledger.by_period.received(),
        )

    def resume(self, name: str) -> None:
        """Post to an account again that was stopped: its secret is read anew. Another account's name changes nothing."""
        gate = self.gates.get(name)
        if gate is None or not gate.pace.stopped:
            return
        try:
            erp = connect(name, self.accounts[name], self.folder)
        except AccountsRefused:
            log.exception(
                "ERP account %s stays stopped; mend that, then: tieout posting resume %s", name, name
            )
            return
        self._left.append(self.ports[name])
        self.ports[name] = erp
        gate.resume(erp)

    async def close(self) -> None:
        """Let go of the ERPs."""
        for erp in (*self.ports.values(), *self._left):
            await erp.close()

    def _account(self, name: str) -> Account:
        known = self.ports[name].capabilities
        patience = Patience(
            conclusive_ms=BEGINS_WITHIN_MS + int(1000 * (known.call_seconds_max + known.server_seconds_max)),
            resend_is_safe=known.enforces_unique_id,
        )
        parked_max = self.accounts[name].parked_max
        return Account(name=name, room=self.gates[name], patience=patience, parked_max=parked_max)


def posting_parts(path: Path, codec: Codec) -> PostingParts:
    """The parts for a file of ERP accounts; nothing is sent yet. Raises AccountsRefused."""
    accounts = dict(load_accounts(path))
    ports = {name: connect(name, account, path.parent) for name, account in accounts.items()}
    gates = {
        name: Gate(
            ports[name],
            slots=account.slots,
            codec=codec,
            clock=SystemClock(),
            scheduler=AsyncioScheduler(),
            now_ms=_now_ms,
            rate=account.rate,
            batch_items_max=account.batch_items_max,
            account=name,
        )
        for name, account in accounts.items()
    }
    return PostingParts(codec, accounts, gates, ports, folder=path.parent)


def _owner_of(reason: str) -> str:
    return REASONS[exception_code(reason)].owner


def _age_seconds(since_ms: int | None, now_ms: int) -> float | None:
    return None if since_ms is None else max(0.0, (now_ms - since_ms) / 1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
