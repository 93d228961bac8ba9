"""The first day on which any fact of an arrangement counts: where a revenue run that has to look at all of it begins.

Invariant: no fact of the arrangement moves anything before that day.
"""

from __future__ import annotations

from tieout.agents.accounting.agreement import contracts_of
from tieout.avro.events import Day
from tieout.tables.contract import Arrangement, GroupState


def earliest_fact(state: GroupState, arrangement: Arrangement) -> Day:
    """The first day on which the arrangement has a version, a document, cash, usage or work."""
    contracts = contracts_of(arrangement)
    usage = [bucket for bucket in state.usage if bucket.arrangement == arrangement.id]
    days = [each.at for each in state.facts.terms if each.arrangement == arrangement.id]
    days += [each.at for each in state.documents.lines if each.arrangement == arrangement.id]
    days += [each.at for each in state.documents.cash if each.contract in contracts]
    days += [each.at for each in state.documents.acts if each.contract in contracts]
    days += [each.at for bucket in usage for each in bucket.rated]
    days += [each.at for bucket in usage for each in bucket.details]
    days += [day for bucket in usage for day, _ in bucket.held]
    days += [each.at for log in state.work if log.contract in contracts for each in log.entries]
    return min(days)
