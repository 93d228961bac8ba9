"""A contract and its ERP in conversation: its commands answered one by one, and what it says of where it stands."""

from __future__ import annotations

from contract_inbox import ROWS
from msgspec.structs import replace

from tieout.agents.posting import acks
from tieout.agents.posting.arriving import opened
from tieout.agents.posting.settling import Posted
from tieout.avro.canonical import content_hash
from tieout.avro.control import RevenueRun
from tieout.avro.reference import EntityPublished, PolicySwitch
from tieout.streams.sample_events import said


def billing_rows(owner):
    """Who owns the receivable: ``erp`` itself, or billing, whose documents are sent on (``billing_mirrored``)."""
    switch = PolicySwitch("ar_owner", owner)
    return [
        replace(row, policy=(*[each for each in row.policy if each.name != switch.name], switch))
        if isinstance(row, EntityPublished)
        else row
        for row in ROWS
    ]


def commands(inbox, kind=None):
    said_ = [each for each in inbox.said("erp_commands") if hasattr(each, "header")]
    return [each for each in said_ if kind in (None, each.header.kind)]


def command_of(inbox, kind):
    (command,) = commands(inbox, kind)
    return command


def accept(inbox, *kinds):
    for kind in kinds:
        inbox.put(ack_of(command_of(inbox, kind)))


def ack_of(command):
    posted = Posted(f"DOC-{command.header.kind}", 20_200, "2025-04", duplicate=False)
    return acks.accepted(command, opened(command, 0), posted, 7)


def refusal_of(command, reason="REFERENCE_MISSING", attempts=1):
    standing = replace(
        opened(command, 0), state="parked", reason=reason, code="NO_ITEM", text="unknown", attempts=attempts
    )
    return acks.rejected(command, standing, 7)


def decided(inbox, what):
    item = [each for each in inbox.said("exceptions") if each.status == "open"][-1]
    event = said("exception_resolved", f"R-{what}")
    event = replace(event, exception_id=item.exception_id, decision=what, approver="ada")
    inbox.put(replace(event, envelope=replace(event.envelope, content_hash=content_hash(event))))


def statuses(inbox, contract="C1"):
    return [each.status for each in inbox.said("crm_feedback") if each.contract_id == contract]


def steps(inbox):
    return {step.step: step.state for step in inbox.said("crm_feedback")[-1].onboarding}


def run(inbox, day):
    inbox.mark(RevenueRun(inbox.header(), None, "primary", day))
