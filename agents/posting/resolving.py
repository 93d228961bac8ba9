"""What becomes of a command that stands in its lane, when its contract or a person has decided.

Invariant: only a command that is definitely not in the ERP is replaced or withdrawn; what was to come after it then comes
after what replaced it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from tieout.agents.posting.lanes import Lanes
from tieout.agents.posting.settling import is_in_doubt
from tieout.avro.control import CommandResolved
from tieout.tables.posting import OpenCommand

SETTLED = ("prepared", "parked")
"""States in which it is certain that the ERP does not hold the command."""


class Unsettled(Exception):  # noqa: N818 - not an error: the answer will come
    """The command is on its way: whether it is in the ERP is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """``changed``: what stands at these places now. ``swapped``: the two commands whose places are exchanged, as they stand
    after it, the earlier place first. ``confirmed``: the command is done, under this number of the ERP's or "".
    """

    lane: str
    changed: tuple[OpenCommand, ...] = ()
    swapped: tuple[OpenCommand, OpenCommand] | None = None
    confirmed: str | None = None


def resolve(lanes: Lanes, resolved: CommandResolved, now_ms: int) -> Resolution | str:
    """What changes, or why nothing can. Raises ``Unsettled`` where the answer to a call must come first."""
    command = lanes.find(resolved.command_id)
    if command is None:
        return f"command {resolved.command_id} is not open here: it is done, or was never sent to this ERP account"
    if resolved.decision == "confirm":
        return _confirmed(command, resolved)
    if command.state not in SETTLED and resolved.decision == "retry":
        # It is being tried already, and whoever asked for it hears what comes of it: nobody else has to wait for that.
        return Resolution(lane=command.lane, changed=(replace(command, told=""),))
    if command.state not in SETTLED:
        raise Unsettled(f"command {resolved.command_id} is on its way; its resolution waits for the answer")
    match resolved.decision:
        case "retry":
            changed = replace(command, state="prepared", since_ms=now_ms, due_ms=0, told="")
        case "withdraw":
            changed = _placed(command, "withdrawn")
        case "replace":
            return _replaced(lanes, command, resolved, now_ms)
        case other:
            return f"{other!r} is no decision about a command; there are retry, withdraw, replace and confirm"
    return Resolution(lane=command.lane, changed=(changed,))


def _confirmed(command: OpenCommand, resolved: CommandResolved) -> Resolution | str:
    """What is in doubt because the ERP cannot be asked is asked about now and then: the answer to that comes first."""
    if command.state == "asking" and command.reason == "IN_DOUBT":
        raise Unsettled(f"command {command.command_id} is asked about; its confirmation waits for the answer")
    if not is_in_doubt(command) or command.reason != "IN_DOUBT":
        return f"command {command.command_id} is not in doubt: only what is in doubt can be confirmed by a person"
    return Resolution(lane=command.lane, confirmed=resolved.document_no or "")


def _replaced(lanes: Lanes, command: OpenCommand, resolved: CommandResolved, now_ms: int) -> Resolution | str:
    by = lanes.find(resolved.replaced_by or "")
    if by is None or by.lane != command.lane or by.place <= command.place or by.attempts:
        return f"command {resolved.replaced_by!r} does not wait behind {resolved.command_id} in its lane"
    own = tuple(each for each in by.after if each != command.command_id)
    urgency = min(by.urgency, command.urgency)
    here = replace(by, place=command.place, after=own, since_ms=now_ms, urgency=urgency)
    later = tuple(
        replace(each, after=tuple(_renamed(each.after, command.command_id, by.command_id)))
        for each in lanes
        if command.command_id in each.after and each.command_id != by.command_id
    )
    there = _placed(replace(command, place=by.place), "replaced")
    return Resolution(lane=command.lane, changed=later, swapped=(here, there))


def _renamed(ids: tuple[str, ...], old: str, new: str) -> Iterator[str]:
    return (new if each == old else each for each in ids)


def _placed(command: OpenCommand, reason: Literal["withdrawn", "replaced"]) -> OpenCommand:
    return replace(command, state="placed", due_ms=0, reason=reason)
