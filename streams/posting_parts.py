"""What the posting agent is made of in a worker: its accounts' gates, and who calls them.

Invariant: one gate per account in a process, whatever is started again; a call goes to the account that its command names.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tieout.agents.posting.agent import Account, posting_agent
from tieout.agents.posting.settling import Patience
from tieout.agents.posting.task import PostingSettings, PostingTask
from tieout.agents.spec import AgentSpec
from tieout.avro.codec import Codec
from tieout.streams import topics
from tieout.streams.edges.erp.accounts import ErpAccount, connect, load_accounts
from tieout.streams.edges.erp.gate import Gate
from tieout.streams.edges.erp.port import Erp
from tieout.streams.edges.producing import partition_of
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.tables.posting import CALLS

NAME = "posting"


@dataclass(slots=True)
class PostingParts:
    """``gates`` and ``accounts`` by name, ``tasks`` by partition of the command topic."""

    codec: Codec
    accounts: dict[str, ErpAccount]
    gates: dict[str, Gate]
    ports: dict[str, Erp]
    tasks: dict[int, PostingTask] = field(default_factory=dict)

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
            ),
            {account.partition: self._account(name) for name, account in self.accounts.items()},
            changelog_topic=topics.changelog_of(NAME),
            codec=self.codec,
            placement=lambda key: partition_of(key, inbox_partitions),
            now_ms=_now_ms,
            opened=self.tasks.__setitem__,
        )

    async def close(self) -> None:
        """Let go of the ERPs."""
        for gate in self.gates.values():
            await gate.close()

    def _account(self, name: str) -> Account:
        known = self.ports[name].capabilities
        patience = Patience(
            conclusive_ms=int(1000 * (known.call_seconds_max + known.server_seconds_max)),
            resend_is_safe=known.enforces_unique_id,
        )
        return Account(name=name, room=self.gates[name], patience=patience)


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
        )
        for name, account in accounts.items()
    }
    return PostingParts(codec, accounts, gates, ports)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
