"""What must hold before a worker touches a partition. Each refusal says what to do.

Invariant: nothing here changes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import faust.streams
import faust.transport.conductor
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from tieout.agents.spec import AgentSpec
from tieout.streams.engine.errors import BrokerUnreachable, StartRefused

REACH_SECONDS = 15.0
NEW_TOPIC_LOOKS, NEW_TOPIC_SECONDS = 6, 0.3
"""A topic that was created a moment ago is not known to every broker at once."""


def check_extensions() -> None:
    """Faust without its C extensions acknowledges messages that it has skipped."""
    stream = getattr(faust.streams, "_CStreamIterator", None)
    conductor = getattr(faust.transport.conductor, "ConductorHandler", None)
    if stream is None or conductor is None:
        raise StartRefused(
            "Faust runs without its C extensions, and then loses events at a rebalance; install a wheel for CPython "
            "(pip install --force-reinstall --only-binary :all: faust-streaming) and unset NO_CYTHON"
        )


async def check_topics(bootstrap: str, specs: Iterable[AgentSpec]) -> Mapping[str, int]:
    """Topics exist, count and keep as the agents need; gives partition counts. Raises ``StartRefused``, ``BrokerUnreachable``."""
    specs = list(specs)
    wanted = {
        name for spec in specs for name in (spec.input_topic, spec.changelog_topic, *spec.output_topics)
    }
    counts, policies = await _described(bootstrap, sorted(wanted))
    for _ in range(NEW_TOPIC_LOOKS):
        if counts.keys() >= wanted:
            break
        await asyncio.sleep(NEW_TOPIC_SECONDS)
        counts, policies = await _described(bootstrap, sorted(wanted))
    missing = sorted(wanted - counts.keys())
    if missing:
        raise StartRefused(
            f"topics are missing: {', '.join(missing)}; create them with `tieout topics apply`"
        )
    for spec in specs:
        _check_agent(spec, counts, policies)
    return counts


def _check_agent(spec: AgentSpec, counts: Mapping[str, int], policies: Mapping[str, str]) -> None:
    inbox, changelog = spec.input_topic, spec.changelog_topic
    if counts[inbox] != counts[changelog]:
        raise StartRefused(
            f"agent {spec.name}: {inbox} has {counts[inbox]} partitions and {changelog} {counts[changelog]}; "
            "state of partition p lives in changelog partition p, so both must have as many: see `tieout topics plan`"
        )
    if policies[changelog] != "compact":
        raise StartRefused(
            f"{changelog} has cleanup.policy={policies[changelog]}: a changelog must be compact and nothing else, or "
            "rows are deleted with age; see `tieout topics plan`"
        )
    if "compact" in policies[inbox]:
        raise StartRefused(
            f"{inbox} has cleanup.policy={policies[inbox]}: compaction deletes events; see `tieout topics plan`"
        )


async def _described(bootstrap: str, names: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(REACH_SECONDS * 1000))
    try:
        await asyncio.wait_for(admin.start(), REACH_SECONDS)
        found = await asyncio.wait_for(admin.describe_topics(names), REACH_SECONDS)
        counts = {topic["topic"]: len(topic["partitions"]) for topic in found if not topic["error_code"]}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in counts]
        answers = (
            await asyncio.wait_for(admin.describe_configs(resources), REACH_SECONDS) if resources else []
        )
    except (TimeoutError, KafkaError, OSError) as error:
        raise BrokerUnreachable(
            f"the broker at {bootstrap} does not answer ({error!r}); start it (`tieout broker start`) or correct the "
            "bootstrap address"
        ) from error
    finally:
        await admin.close()
    return counts, dict(_policies(answers))


def _policies(answers: list[Any]) -> Iterable[tuple[str, str]]:
    for answer in answers:
        for resource in answer.resources:
            for entry in resource[4]:
                if entry[0] == "cleanup.policy":
                    yield resource[3], entry[1]
