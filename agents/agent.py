"""The contract agent, declared: what the engine needs to run the pipeline on a partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.agents.deciding import References
from tieout.agents.decode import Placement
from tieout.agents.pipeline import Codec, ContractTask, PipelineSettings
from tieout.agents.spec import AgentSpec, TaskContext
from tieout.avro.control import Tick

NAME = "contracts"


def _no_lap(stage: str) -> None:
    del stage


def _not_timed(partition: int) -> Callable[[str], None]:
    del partition
    return _no_lap


def _not_watched(partition: int, task: ContractTask) -> None:
    del partition, task


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How the shell looks on: a stage stopwatch per partition, and the task that was opened on it."""

    lap: Callable[[int], Callable[[str], None]] = _not_timed
    opened: Callable[[int, ContractTask], None] = _not_watched


def contract_agent(
    settings: PipelineSettings,
    *,
    changelog_topic: str,
    codec: Codec,
    placement: Placement,
    references: References,
    now_us: Callable[[], int],
    watching: Watching | None = None,
) -> AgentSpec:
    """The agent. ``now_us`` stamps ticks only: business time is the log's."""
    looking = watching or Watching()

    def open_task(context: TaskContext) -> ContractTask:
        task = ContractTask(
            context,
            settings,
            codec=codec,
            placement=placement,
            references=references,
            lap=looking.lap(context.partition),
        )
        looking.opened(context.partition, task)
        return task

    return AgentSpec(
        name=NAME,
        input_topic=settings.input_topic,
        changelog_topic=changelog_topic,
        output_topics=settings.topics.all(),
        open=open_task,
        tick=lambda _: (None, codec.encode(Tick(now_us()))),
    )
