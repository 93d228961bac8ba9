"""Brings a cluster to the topic table: compare, say what would change and why, then do it.

Invariant: ``apply`` does what ``plan`` said and nothing else, and neither changes the number of partitions: which
partition a contract lives in, and with it all state, depends on that number. Settings that the table does not manage
are kept as somebody set them.

aiokafka's admin client is enough for all of it. It has only Kafka's older AlterConfigs request, which replaces a
topic's whole set of overrides, so a change sends the overrides that are there along with the new values.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from tieout.streams.topic_table import (
    AGENT_INPUTS,
    CONTRACT_EVENTS,
    CONTROL_RECEIPTS,
    CONTROL_REQUESTS,
    CONTROL_TOTALS,
    CRM_FEEDBACK,
    DEAD_LETTERS,
    DECISIONS,
    ERP_COMMANDS,
    EXCEPTIONS,
    PREFIX,
    REFERENCE,
    REVENUE_EVENTS,
    SOURCE_EVENTS,
    WORKER_STATUS,
    Setting,
    TopicSpec,
    changelog_of,
    topic_table,
)

__all__ = [
    "AGENT_INPUTS",
    "CONTRACT_EVENTS",
    "CONTROL_RECEIPTS",
    "CONTROL_REQUESTS",
    "CONTROL_TOTALS",
    "CRM_FEEDBACK",
    "DEAD_LETTERS",
    "DECISIONS",
    "ERP_COMMANDS",
    "EXCEPTIONS",
    "PREFIX",
    "REFERENCE",
    "REVENUE_EVENTS",
    "SOURCE_EVENTS",
    "WORKER_STATUS",
    "Change",
    "Existing",
    "Plan",
    "Refusal",
    "Setting",
    "TopicSpec",
    "TopicsRefusedError",
    "TopicsUnreachableError",
    "apply",
    "changelog_of",
    "compare",
    "plan",
    "topic_table",
]

_REQUEST_TIMEOUT_MS = 15_000
_IN_FORCE_S = 15.0
_TOPIC_OVERRIDE = 1
"""``config_source`` of a value that was set on the topic itself (DescribeConfigs, version 1 and later)."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A topic as the cluster has it: ``values`` in force, and the ``overrides`` that were set on the topic."""

    partitions: int
    replication_factor: int
    values: Mapping[str, str]
    overrides: Mapping[str, str]
    has_leaders: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """One setting of an existing topic that ``apply`` will set."""

    topic: str
    setting: Setting
    current: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that differs and that ``apply`` will not change."""

    topic: str
    what: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``apply`` would do. ``unmanaged`` topics carry our prefix and are not in the table: they are left alone."""

    create: tuple[TopicSpec, ...]
    change: tuple[Change, ...]
    refused: tuple[Refusal, ...]
    unchanged: tuple[str, ...]
    unmanaged: tuple[str, ...]
    overrides: Mapping[str, Mapping[str, str]]

    @property
    def is_empty(self) -> bool:
        """Nothing to do and nothing refused."""
        return not (self.create or self.change or self.refused)


class TopicsRefusedError(Exception):
    """The plan holds a refusal; nothing was changed."""


class TopicsUnreachableError(Exception):
    """The cluster could not be reached, or refused a request."""


def compare(table: Sequence[TopicSpec], existing: Mapping[str, Existing]) -> Plan:
    """Plan from the table to what exists. Pure."""
    change: list[Change] = []
    refused: list[Refusal] = []
    unchanged: list[str] = []
    for spec in table:
        found = existing.get(spec.name)
        if found is None:
            continue
        differences = [
            Change(spec.name, setting, found.values.get(setting.name))
            for setting in spec.settings
            if found.values.get(setting.name) != setting.value
        ]
        refusals = list(_refusals(spec, found))
        change += differences
        refused += refusals
        if not differences and not refusals:
            unchanged.append(spec.name)
    names = {spec.name for spec in table}
    return Plan(
        create=tuple(spec for spec in table if spec.name not in existing),
        change=tuple(change),
        refused=tuple(refused),
        unchanged=tuple(unchanged),
        unmanaged=tuple(sorted(name for name in existing if name.startswith(PREFIX) and name not in names)),
        overrides={name: existing[name].overrides for name in {item.topic for item in change}},
    )


async def plan(bootstrap: str, table: Sequence[TopicSpec]) -> Plan:
    """Compare the table with the cluster at ``bootstrap``. Raises TopicsUnreachableError."""
    async with _admin(bootstrap) as admin:
        return compare(table, await _existing(admin, {spec.name for spec in table}))


async def apply(bootstrap: str, planned: Plan) -> None:
    """Do what the plan says and return when all its topics have leaders.

    Raises:
        TopicsRefusedError: the plan holds a refusal; nothing was changed.
        TopicsUnreachableError: the cluster could not be reached, or refused a request.

    """
    if planned.refused:
        first = planned.refused[0]
        raise TopicsRefusedError(
            f"{len(planned.refused)} difference(s) cannot be applied, nothing was changed; "
            f"first: {first.topic}: {first.what}. Next: {first.next_step}"
        )
    async with _admin(bootstrap) as admin:
        if planned.create:
            await _create(admin, planned.create)
        if planned.change:
            await _alter(admin, planned)
        await _wait_until_in_force(admin, planned)


def _refusals(spec: TopicSpec, found: Existing) -> Iterable[Refusal]:
    if found.partitions != spec.partitions:
        yield Refusal(
            spec.name,
            f"it has {found.partitions} partition(s), the settings say {spec.partitions}; contracts would move to"
            " other partitions than their state",
            f"set the number back to {found.partitions}, or start a new installation and replay into it",
        )
    if found.replication_factor != spec.replication_factor:
        yield Refusal(
            spec.name,
            f"it has {found.replication_factor} copies, the settings say {spec.replication_factor}",
            "set the replication factor to what is there, or move the copies with kafka-reassign-partitions.sh first",
        )


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise TopicsUnreachableError(
            f"the request to Kafka failed: {error!r}; where: {bootstrap}; next: check that a broker listens there "
            "(tieout broker status) and that TIEOUT_BOOTSTRAP names it"
        ) from error
    finally:
        await admin.close()


async def _existing(admin: AIOKafkaAdminClient, wanted: set[str]) -> dict[str, Existing]:
    names = sorted(name for name in await admin.list_topics() if name in wanted or name.startswith(PREFIX))
    if not names:
        return {}
    topics = await admin.describe_topics(names)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    values: dict[str, dict[str, str]] = {}
    overrides: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for code, message, _, name, entries in answer.resources:
            _require(code, f"{name}: {message}")
            values[name] = {entry[0]: entry[1] for entry in entries}
            overrides[name] = {entry[0]: entry[1] for entry in entries if entry[3] == _TOPIC_OVERRIDE}
    return {
        topic["topic"]: Existing(
            partitions=len(topic["partitions"]),
            replication_factor=min(len(part["replicas"]) for part in topic["partitions"]),
            values=values[topic["topic"]],
            overrides=overrides[topic["topic"]],
            has_leaders=all(part["leader"] >= 0 for part in topic["partitions"]),
        )
        for topic in topics
        if topic["partitions"]
    }


async def _create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                spec.name,
                spec.partitions,
                spec.replication_factor,
                topic_configs={setting.name: setting.value for setting in spec.settings},
            )
            for spec in specs
        ]
    )
    for name, code, message in answer.topic_errors:
        _require(code, f"{name}: {message}")


async def _alter(admin: AIOKafkaAdminClient, planned: Plan) -> None:
    resources = []
    for topic, overrides in planned.overrides.items():
        changed = {item.setting.name: item.setting.value for item in planned.change if item.topic == topic}
        resources.append(ConfigResource(ConfigResourceType.TOPIC, topic, {**overrides, **changed}))
    for answer in await admin.alter_configs(resources):
        for code, message, _, name in answer.resources:
            _require(code, f"{name}: {message}")


async def _wait_until_in_force(admin: AIOKafkaAdminClient, planned: Plan) -> None:
    """Brokers apply changes after they have accepted them; a producer that comes earlier logs errors for nothing."""
    names = {spec.name for spec in planned.create} | {item.topic for item in planned.change}
    deadline = time.monotonic() + _IN_FORCE_S
    while time.monotonic() < deadline:
        try:
            existing = await _existing(admin, names)
        except KafkaError:  # the broker that we ask has not heard of the new topics yet
            existing = {}
        led = all(existing[name].has_leaders for name in names & existing.keys())
        changed = all(
            existing[item.topic].values.get(item.setting.name) == item.setting.value
            for item in planned.change
        )
        if led and changed and names <= existing.keys():
            return
        await asyncio.sleep(0.05)
    raise TopicsUnreachableError(
        f"Kafka accepted the plan, but {len(names)} topic(s) were not ready {_IN_FORCE_S:g} s later; next: look at the "
        "broker's log, then ask tieout topics plan what is missing"
    )


def _require(code: int, what: str) -> None:
    if code != 0:
        raise for_code(code)(what)
