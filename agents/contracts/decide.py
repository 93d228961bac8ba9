"""The contract agent's judgement: facts in, target minus ledger out.

``decide`` reads top to bottom: admit the event as facts, put them, emit what the books must show by now and do not.
Invariants: pure; a refusal leaves the state untouched and says nothing; what is emitted depends on facts, markers
and pinned references alone, never on the order in which facts arrived.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.contracts.accepted import Rule
from tieout.agents.contracts.admission import check_day
from tieout.agents.contracts.alerting import alerted
from tieout.agents.contracts.decision import CausedBy, Decision, Refusal, Refused, View
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.emission import emit
from tieout.agents.contracts.following import followed
from tieout.agents.contracts.invariants import check
from tieout.agents.contracts.limits import check_limits
from tieout.agents.contracts.markers import marked
from tieout.agents.contracts.policy_review import put_to_review
from tieout.agents.contracts.promised_again import with_what_it_met
from tieout.agents.contracts.retelling import retold
from tieout.agents.contracts.rules import RULES
from tieout.agents.contracts.upgrade import check_upgrade
from tieout.agents.contracts.usage_completeness import watched_after
from tieout.avro.control import Marker
from tieout.avro.events import ErpAccepted, ErpRejected, ErpStatusChanged, Event, ExceptionResolved
from tieout.tables.batches import GROUP_PREFIX, is_batch_group
from tieout.tables.contract import Group, GroupState

_OF_BATCHES = (ErpAccepted, ErpRejected, ErpStatusChanged, ExceptionResolved)


def open_group(tenant: str, group_id: str, control_seq: int) -> GroupState:
    """A group of which nothing is known, at the partition's last marker."""
    return GroupState(Group(tenant, group_id, control_seq))


def decide(state: GroupState, event: Event, view: View, cause: CausedBy) -> Decision:
    """What an event that is new, valid by schema and in order changes and says."""
    assert state.control_seq == view.control_seq, "a group is brought up to the last marker before it decides"
    draft = Draft(state, view, cause)
    try:
        rule = _rule_of(event)
        _check_group(state.group_id, event)
        check_day("the event", event.envelope.effective_date)
        accepted = with_what_it_met(state, rule(state, event, draft))
        after = accepted.state
        check_limits(state, after, view)
        check_upgrade(state, after, event, view)
        for touched in accepted.touched:
            after = emit(after, touched, draft)
        after = retold(state, after, draft)
        after = alerted(state, after, accepted.touched, draft)
        after = watched_after(state, after, draft)
        if len(after.group.arrangements) != len(state.group.arrangements):
            after = put_to_review(after, draft)
        decided, after = after, followed(state, after, event, draft)
        return _decided(state, after, draft, effect=accepted.effect or after is not decided)
    except Refused as refused:
        return Decision(state, "refused", refused.refusal)
    except InvariantBroken as broken:
        return Decision(state, "refused", Refusal("INVARIANT_BROKEN", str(broken), "never"))


def _rule_of(event: Event) -> Rule:
    """Refused where this release has none; the next activation of reference data tries again, with what is built then."""
    rule = RULES.get(type(event))
    if rule is None:
        detail = f"{event.EVENT_TYPE} can be said, but this release has no rule for it"
        raise Refused("EVENT_UNSUPPORTED", detail, "reference")
    return rule


def _check_group(group_id: str, event: Event) -> None:
    """A group of batches hears its ERP and what people decide about that; a contract in it would never be swept."""
    if is_batch_group(group_id) and type(event) not in _OF_BATCHES:
        detail = f"group {group_id!r}: ids that begin with {GROUP_PREFIX!r} are those of summed journals; choose another"
        raise Refused("VALUE_INVALID", detail)


def apply_marker(state: GroupState, marker: Marker, view: View, cause: CausedBy) -> Decision:
    """Bring a group up to a marker: a revenue run emits what became due, a close and a cut count from here on."""
    assert marker.header.control_seq == state.control_seq + 1 == view.control_seq, "markers come one by one"
    draft = Draft(state, view, cause)
    after = replace(state, group=replace(state.group, control_seq=view.control_seq))
    after = marked(after, marker, draft)
    return _decided(state, after, draft, effect=bool(draft.commands or draft.summed))


def _decided(before: GroupState, after: GroupState, draft: Draft, *, effect: bool) -> Decision:
    after = draft.head(after)
    check(before, after, draft)
    return Decision(
        after,
        "applied" if effect else "no_effect",
        None,
        tuple(draft.commands),
        tuple(draft.revenue),
        tuple(draft.exceptions),
        tuple(draft.decisions),
        tuple(draft.releases),
        tuple(draft.feedback),
        tuple(draft.summed),
    )
