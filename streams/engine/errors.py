"""The engine's named failures, and what the partition task does about each of them.

Invariant: every way a partition can stop is one of these, and each message says what happened, where, and what to do
next, because it is what an operator reads on the stats page.
"""

from __future__ import annotations


class EngineError(Exception):
    """A failure that the engine has a rule for."""


class Halt(EngineError):  # noqa: N818 - it is a decision: this partition stops until somebody acts
    """Going on could lose or repeat something: stop this one partition, with the reason."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Fenced(EngineError):  # noqa: N818 - named as Kafka names it
    """Another process has taken this partition's writer. Normal at take-overs."""


class MemberReplaced(EngineError):  # noqa: N818 - named for what happened
    """A process with the same static id has joined the group. The elder one ends."""


class CommitUnanswered(EngineError):  # noqa: N818 - named for what happened
    """The end of a transaction got no answer in time: it may or may not have committed. Fence and restore decide."""


class BrokerSilent(EngineError):  # noqa: N818 - named for what happened
    """The broker acknowledged nothing in time. The task starts again, and waits for it."""


class HoleInLog(EngineError):  # noqa: N818 - named for what was found
    """A batch does not begin where the last one ended. Records may be missing; the task starts again from its position."""


class RecordTooLarge(EngineError):  # noqa: N818 - named for what was found
    """An output is larger than a transaction may carry."""


class RowTooLarge(EngineError):  # noqa: N818 - named for what was found
    """A row is larger than its cap; it would become slow for ever."""


class ReservedRow(EngineError):  # noqa: N818 - named for what was found
    """An agent wrote a row under the engine's own prefix."""


class UndeclaredTopic(EngineError):  # noqa: N818 - named for what was found
    """An agent wrote to a topic that its AgentSpec does not name."""


class StartRefused(EngineError):  # noqa: N818 - named for what happened
    """The worker must not start like this; the message says what to change."""


class BrokerUnreachable(StartRefused):
    """No broker answers where the worker looks for one."""
