"""The posting agent under simulation: commands of many contracts, workers that die, and an ERP that answers as it likes.

Judged by what the ERP holds at the end and in which order it came, and by what the contracts were told. Invariant: the agent
is outside the replay promise, because the ERP's answers are no part of its log; nothing here is replayed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec.structs import replace
from posting.judging import anomalies
from posting.saying import LANES, command
from simulation.erp import (
    CALL_SECONDS_MAX,
    CLOSED_PERIOD,
    OPEN_PERIOD,
    SERVER_SECONDS_MAX,
    SimulatedErp,
    SimulatedPort,
    draw_temper,
)
from simulation.swarm import Swarm
from simulation.verdict import outputs
from simulation.virtual_time import OWNER, current

from tieout.agents.posting.agent import Account, posting_agent
from tieout.agents.posting.settling import Patience
from tieout.agents.posting.task import PostingSettings, PostingTask
from tieout.agents.spec import AgentSpec
from tieout.avro.codec import Codec
from tieout.avro.commands import Command
from tieout.avro.control import CommandResolved
from tieout.streams.edges.erp.gate import Gate
from tieout.streams.edges.erp.pace import BreakerSettings

COMMANDS = 400
BOOKED, CLOSED_SHARE, REDATED_SHARE = ("invoice", "journal"), 0.05, 0.03
"""Kinds that are dated into a period, how many of them into a closed one, and how soon their contracts say another one."""
_CODEC = Codec.load()
_RETRY_MS = 20_000
SETTINGS = PostingSettings(input_topic="in", inbox="inbox", dead_letters="dead", live_max=100)


class PostingWorkload:
    """One seed's commands, one ERP account per partition."""

    makes_traffic = True
    ordered_by = None
    extra_seconds = 600.0

    def __init__(self, chance: Random, swarm: Swarm) -> None:
        self._chance = chance
        logs = [Log(chance, partition, swarm.partitions) for partition in range(swarm.partitions)]
        self.sent = [log.sent for log in logs]
        self.deliveries = [
            (partition, b"k", _CODEC.encode(each))
            for partition, each in _mixed(
                chance, [log.said for log in logs], again=0.02 if swarm.on("duplicates") else 0.0
            )
        ]
        self.events = len(self.deliveries)
        self._happened: Counter[str] = Counter()
        self.erps = [
            SimulatedErp(draw_temper(chance), Random(chance.random()), self._happened) for _ in self.sent
        ]
        self.spec: AgentSpec = posting_agent(
            SETTINGS,
            {partition: _account(partition, erp) for partition, erp in enumerate(self.erps)},
            changelog_topic="changelog",
            codec=_CODEC,
            placement=lambda _: 0,
            now_ms=_now_ms,
            opened=lambda _partition, _task: None,
        )

    def caller_of(self, process: Any) -> Any:
        """The process's own gates; the call's row says whose command it is."""
        process.gates = [_gate(erp, process) for erp in self.erps]

        async def call(key: bytes, value: bytes) -> bytes:
            partition = int(key[1:].partition(b"\0")[0])
            outcome: bytes = await process.gates[partition](key, value)
            return outcome

        return call

    async def continues(self, world: Any) -> bool:
        """Until nothing is open any more; a person decides meanwhile what is in doubt."""
        for erp in self.erps:
            erp.is_well = True
        world.happened.update(self._happened)
        self._happened.clear()
        open_now = [
            (partition, each)
            for partition in range(world.swarm.partitions)
            for each in _task_of(world, partition).lanes
        ]
        doubts = [(p, each.command_id) for p, each in open_now if each.reason == "IN_DOUBT"]
        if doubts:
            world.source.give([(p, b"k", _CODEC.encode(self._decided(p, name))) for p, name in doubts])
        return not open_now

    def _decided(self, partition: int, name: str) -> CommandResolved:
        there = any(each.header.command_id == name for each in self.erps[partition].journal)
        decision = "confirm" if there else "retry"
        return CommandResolved(name, decision, "t", "g", str(partition), None, "DOC", "ada", _now_ms() * 1000)

    def judge(self, world: Any) -> list[str]:
        """I1, I2 and I4 by the ERP's journal, I3 by what the contracts were told."""
        told = Counter(
            _CODEC.decode(record.value).envelope.object_id
            for (topic, _), records in outputs(world).items()
            if topic == "inbox"
            for record in records
            if _CODEC.decode(record.value).EVENT_TYPE == "erp_accepted"
        )
        found = [
            anomaly
            for sent, erp in zip(self.sent, self.erps, strict=True)
            for anomaly in anomalies(sent, [each.header.command_id for each in erp.journal])
        ]
        names = {each.header.command_id for sent in self.sent for each in sent}
        if wrong := [name for name in names if told[name] != 1]:
            found.append(
                f"I3 told: {len(wrong)} commands were not told once as accepted, such as {sorted(wrong)[:3]}"
            )
        return found


class Log:
    """One partition's log as contract agents write it. ``sent``: the commands that are to be posted, in the order of lanes.

    Some are dated into a period that the ERP has closed: a while later their contract says another one, and that it goes in
    their place. It does so whether or not the ERP has refused the first by then.
    """

    def __init__(self, chance: Random, partition: int, partitions: int) -> None:
        self.said: list[Command | CommandResolved] = []
        self.sent: list[Command] = []
        self._numbers: dict[tuple[str, str], int] = defaultdict(int)
        self._tenant = str(partition)
        voided: list[int] = []
        customers: dict[str, str] = {}
        for number in range(COMMANDS // partitions):
            group = f"{partition}g{chance.randrange(12)}"
            what = "customer" if group not in customers else chance.choice(("order", "invoice", "journal"))
            name = f"{what}-{partition}-{number}"
            after = (customers[group],) if what != "customer" and chance.random() < 0.3 else ()
            customers.setdefault(group, name)
            place, is_closed = len(self.sent), what in BOOKED and chance.random() < CLOSED_SHARE
            self._say(name, group, after, CLOSED_PERIOD if is_closed else OPEN_PERIOD)
            if is_closed:
                voided.append(place)
            while voided and chance.random() < REDATED_SHARE:
                self._redate(voided.pop(0))
        for place in voided:
            self._redate(place)

    def _say(self, name: str, group: str, after: tuple[str, ...], period: str) -> None:
        lane = LANES[name.partition("-")[0]]
        self._numbers[group, lane] += 1
        said = command(name, self._numbers[group, lane], group=group, after=after, tenant=self._tenant)
        said = replace(said, header=replace(said.header, posting_period=period))
        self.said.append(said)
        self.sent.append(said)

    def _redate(self, place: int) -> None:
        old = self.sent[place].header
        self._say(f"{old.command_id}-again", old.group_id, (), OPEN_PERIOD)
        self.sent[place] = self.sent.pop()
        by = self.sent[place].header.command_id
        stated = (old.command_id, "replace", old.tenant, old.group_id, old.erp_account, by)
        self.said.append(CommandResolved(*stated, None, None, 0))


def _mixed(
    chance: Random, said: list[list[Command | CommandResolved]], again: float
) -> Iterator[tuple[int, Command | CommandResolved]]:
    """Partitions in any order, each in its own; some messages twice."""
    left = [(partition, iter(messages)) for partition, messages in enumerate(said)]
    earlier: dict[int, list[Command | CommandResolved]] = defaultdict(list)
    while left:
        index = chance.randrange(len(left))
        partition, messages = left[index]
        following = next(messages, None)
        if following is None:
            del left[index]
            continue
        yield partition, following
        earlier[partition].append(following)
        if chance.random() < again:
            yield partition, chance.choice(earlier[partition])


class _Room:
    """What the process that asks has free; the world, which has no gates, may look at any task."""

    def __init__(self, partition: int) -> None:
        self._partition = partition

    def free(self) -> int:
        process: Any = OWNER.get()
        return 1 if process is None else int(process.gates[self._partition].free())

    @property
    def is_probing(self) -> bool:
        process: Any = OWNER.get()
        return process is not None and bool(process.gates[self._partition].is_probing)


def _account(partition: int, erp: SimulatedErp) -> Account:
    conclusive_ms = int(1000 * (CALL_SECONDS_MAX + SERVER_SECONDS_MAX))
    patience = Patience(
        conclusive_ms=conclusive_ms, resend_is_safe=erp.temper.unique, mended_retry_ms=_RETRY_MS
    )
    return Account(name="erp", room=_Room(partition), patience=patience)


def _gate(erp: SimulatedErp, process: Any) -> Gate:
    return Gate(
        SimulatedPort(erp),
        slots=erp.temper.takes,
        codec=_CODEC,
        clock=process.clock,
        scheduler=process.scheduler,
        now_ms=_now_ms,
        breaker=BreakerSettings(open_seconds_max=10.0),
    )


def _now_ms() -> int:
    return int(current().time() * 1000)


def _task_of(world: Any, partition: int) -> PostingTask:
    task: PostingTask = world.owner(partition)._working.task
    return task
