"""The posting agent, declared: one task per ERP account, with calls that the shell makes.

Invariant: a call that was not answered is never made again by itself: the ERP is asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tieout.agents.decode import Placement
from tieout.agents.posting.answers import Unfinished, encode_outcome
from tieout.agents.posting.settling import Patience
from tieout.agents.posting.task import Codec, PostingSettings, PostingTask, Room
from tieout.agents.spec import AgentSpec, CallSpec, MustHalt, TaskContext
from tieout.avro.control import Tick
from tieout.tables.posting import CALL_ROWS

NAME = "posting"
CALLS_MAX = 10_000
"""More than any account has room for: how many calls run is the account's own affair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An ERP account as its task needs it. ``parked_max``: its own quota of commands that stand still, or as for all."""

    name: str
    room: Room
    patience: Patience
    parked_max: int | None = None


def posting_agent(
    settings: PostingSettings,
    accounts: Mapping[int, Account],
    *,
    changelog_topic: str,
    codec: Codec,
    placement: Placement,
    now_ms: Callable[[], int],
    opened: Callable[[int, PostingTask], None],
) -> AgentSpec:
    """The agent. ``accounts``: partition of the command topic -> its account; ``opened`` is told of each task."""

    def open_task(context: TaskContext) -> PostingTask:
        account = accounts.get(context.partition)
        if account is None:
            raise MustHalt(
                f"partition {context.partition} of {settings.input_topic} has no ERP account: name it in the file of"
                " TIEOUT_ERP_FILE, then restart the worker"
            )
        task = PostingTask(
            context,
            settings if account.parked_max is None else replace(settings, parked_max=account.parked_max),
            account=account.name,
            codec=codec,
            placement=placement,
            room=account.room,
            patience=account.patience,
            now_ms=now_ms,
        )
        opened(context.partition, task)
        return task

    return AgentSpec(
        name=NAME,
        input_topic=settings.input_topic,
        changelog_topic=changelog_topic,
        output_topics=(settings.inbox, settings.dead_letters, settings.control_totals),
        open=open_task,
        tick=lambda _: (None, codec.encode(Tick(now_ms() * 1000))),
        calls=CallSpec(
            row_prefix=CALL_ROWS,
            slots=CALLS_MAX,
            retry_seconds=0.0,
            unfinished=encode_outcome(Unfinished()),
        ),
    )
