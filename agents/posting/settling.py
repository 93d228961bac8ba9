"""What follows from an outcome for one command: done, later, asked about, or parked with its reason.

Invariant: a command is sent a second time only after a definite "not posted" (refused, never begun, or read back and
missing), and after a read-back only where the ERP itself enforces one document per id. A refusal that no error table knows is
believed only when the ERP does not hold the document: it may have been said after the commit. What no call has said anything
about for long (one document can fail a server for ever) is parked, so that somebody is told, and tried again now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from tieout.agents.posting.answers import (
    Accepted,
    Found,
    Missing,
    NotStarted,
    Outcome,
    Reason,
    Refused,
    Unfinished,
)
from tieout.tables.posting import OpenCommand

MENDED_IN_THE_ERP: frozenset[Reason] = frozenset({"REFERENCE_MISSING", "TAX_REFUSED"})
"""Refusals that somebody may mend in the ERP without telling us: tried again now and then."""

NOT_STARTED_RETRY_MS = 500
"""The account had no room: it takes a moment to know that it has."""

_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what, in milliseconds.

    ``conclusive_ms``: from asking for a call until a read-back is conclusive, which is the time in which it may begin, our deadline
    for it and the server's longest run after that. ``resend_is_safe``: the ERP enforces one document per id. ``failing_ms``:
    how long calls may end without a word about a command before it is parked.
    """

    conclusive_ms: int
    resend_is_safe: bool
    first_retry_ms: int = 500
    longest_retry_ms: int = 60_000
    mended_retry_ms: int = 900_000
    failing_ms: int = 1_800_000


class Posted(msgspec.Struct, frozen=True, gc=False):
    """The command is in the ERP, once."""

    document_no: str
    posted_on: int
    period: str
    duplicate: bool


def settle(command: OpenCommand, outcome: Outcome, now_ms: int, patience: Patience) -> OpenCommand | Posted:
    """The command after a call, or what the ERP made of it."""
    if command.state == "sent":
        return _after_post(command, outcome, now_ms, patience)
    assert command.state == "asking", (command.command_id, command.state)
    return _after_find(command, outcome, now_ms, patience)


def sent(command: OpenCommand, now_ms: int) -> OpenCommand:
    """The command as it is about to be sent. What was said of an earlier attempt says nothing about this one."""
    attempts = command.attempts + 1
    return replace(
        command, state="sent", attempts=attempts, since_ms=now_ms, due_ms=0, reason="", code="", text=""
    )


def asking(command: OpenCommand, now_ms: int) -> OpenCommand:
    """The command as the ERP is about to be asked about it."""
    return replace(command, state="asking", asked=command.asked + 1, since_ms=now_ms, due_ms=0)


def is_in_doubt(command: OpenCommand) -> bool:
    """Whether the ERP is asked about it before anything else."""
    return command.state == "unknown" or (command.state == "parked" and command.reason == "IN_DOUBT")


def _after_post(
    command: OpenCommand, outcome: Outcome, now_ms: int, patience: Patience
) -> OpenCommand | Posted:
    match outcome:
        case Accepted():
            return Posted(outcome.document_no, outcome.posted_on, outcome.period, outcome.duplicate)
        case NotStarted():
            due_ms = now_ms + NOT_STARTED_RETRY_MS
            return replace(
                command, state="prepared", attempts=command.attempts - 1, since_ms=now_ms, due_ms=due_ms
            )
        case Refused(kind="throttled" | "transient"):
            return _later(command, outcome, now_ms, patience)
        case Refused(kind="auth"):
            return _told(replace(command, state="prepared", since_ms=now_ms), outcome)
        case Refused(kind="business" | "permanent"):
            return _refused(replace(command, failing_since_ms=0), outcome, now_ms, patience)
        case Refused() | Unfinished():
            asked_from = max(now_ms, command.since_ms + patience.conclusive_ms)
            doubted = replace(_failing(command, now_ms), state="unknown", since_ms=now_ms, due_ms=asked_from)
            return _told(doubted, outcome) if isinstance(outcome, Refused) else doubted
        case _:
            raise AssertionError(f"{command.command_id} was sent, and answered with {outcome!r}")


def _after_find(
    command: OpenCommand, outcome: Outcome, now_ms: int, patience: Patience
) -> OpenCommand | Posted:
    match outcome:
        case Found():
            return _found(command, outcome, now_ms, patience)
        case Missing() if command.reason == "UNCLASSIFIED":
            return replace(command, state="parked", since_ms=now_ms, due_ms=0)
        case Missing() if patience.resend_is_safe:
            return _long_failing(_prepared(command, now_ms), "UNCLASSIFIED", now_ms, patience)
        case Missing():
            text = "the ERP does not hold it, and would not recognise it if it came late and again"
            return _stand(command, "IN_DOUBT", text, now_ms)
        case NotStarted() | Unfinished():
            return replace(command, state="unknown", asked=command.asked - 1, since_ms=now_ms, due_ms=now_ms)
        case Refused():
            due_ms = now_ms + _wait_ms(command, command.asked, outcome, patience)
            again = replace(_failing(command, now_ms), state="unknown", since_ms=now_ms, due_ms=due_ms)
            if command.reason != "UNCLASSIFIED":
                again = _told(again, outcome)
            return _long_failing(again, "IN_DOUBT", now_ms, patience)
        case _:
            raise AssertionError(f"{command.command_id} was asked about, and answered with {outcome!r}")


def _found(command: OpenCommand, found: Found, now_ms: int, patience: Patience) -> OpenCommand | Posted:
    if found.content_hash not in (None, command.content_hash):
        return _stand(command, "CONTENT_CONFLICT", f"the id is taken by {found.document_no}", now_ms)
    if found.state == "posted":
        return Posted(found.document_no, found.posted_on, found.period, duplicate=True)
    if found.state == "draft" and patience.resend_is_safe:
        return _prepared(command, now_ms)
    return _stand(command, "DOCUMENT_STATE", f"{found.document_no} was found {found.state}", now_ms)


def _failing(command: OpenCommand, now_ms: int) -> OpenCommand:
    return command if command.failing_since_ms else replace(command, failing_since_ms=now_ms)


def _long_failing(command: OpenCommand, reason: Reason, now_ms: int, patience: Patience) -> OpenCommand:
    """The command as it is, or parked where its calls have ended so for long: with the ERP's last words, and tried again."""
    if not command.failing_since_ms or now_ms - command.failing_since_ms < patience.failing_ms:
        return command
    text = command.text or "no call about it was answered for long"
    return replace(
        command, state="parked", reason=reason, text=text, due_ms=now_ms + patience.mended_retry_ms
    )


def _prepared(command: OpenCommand, now_ms: int) -> OpenCommand:
    return replace(command, state="prepared", since_ms=now_ms, due_ms=0)


def _later(command: OpenCommand, refused: Refused, now_ms: int, patience: Patience) -> OpenCommand:
    """What was refused for its pace was at least heard."""
    due_ms = now_ms + _wait_ms(command, command.attempts, refused, patience)
    again = _told(replace(command, state="prepared", since_ms=now_ms, due_ms=due_ms), refused)
    if refused.kind == "throttled":
        return again
    return _long_failing(_failing(again, now_ms), "UNCLASSIFIED", now_ms, patience)


def _refused(command: OpenCommand, refused: Refused, now_ms: int, patience: Patience) -> OpenCommand:
    if refused.reason == "UNCLASSIFIED":
        return _told(replace(command, state="unknown", since_ms=now_ms, due_ms=now_ms), refused)
    due_ms = now_ms + patience.mended_retry_ms if refused.reason in MENDED_IN_THE_ERP else 0
    return _told(replace(command, state="parked", since_ms=now_ms, due_ms=due_ms), refused)


def _stand(command: OpenCommand, reason: Reason, text: str, now_ms: int) -> OpenCommand:
    return replace(
        command, state="parked", since_ms=now_ms, due_ms=0, reason=reason, code="", text=text[:500]
    )


def _told(command: OpenCommand, refused: Refused) -> OpenCommand:
    return replace(command, reason=refused.reason, code=refused.code, text=refused.text[:500])


def _wait_ms(command: OpenCommand, tries: int, refused: Refused, patience: Patience) -> int:
    """Full jitter: anything up to the doubled wait, and never before what the ERP asks for.

    What was refused for its pace does not wait longer each time: the account's limit has been lowered for it already, and
    slots would stand empty while a backlog waits.
    The share is a hash of the command and its attempt, so that a decision has no chance in it, and many commands that fail
    together do not come back together.
    """
    doublings = 0 if refused.kind == "throttled" else min(max(0, tries - 1), _DOUBLINGS_MAX)
    most = min(patience.longest_retry_ms, patience.first_retry_ms << doublings)
    drawn = blake2b(f"{command.command_id}/{tries}".encode(), digest_size=4).digest()
    return int.from_bytes(drawn, "big") % (most + 1) + (refused.retry_after_ms or 0)
