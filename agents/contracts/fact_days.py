"""The first and the last day on which anything of an arrangement can move.

Invariant: no fact of the arrangement counts before the first, and none is earned or due after the last; so no run has
to look further than that.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.avro.events import Day
from tieout.tables.contract import GroupState
from tieout.tables.facts import Terms


def earliest_fact(state: GroupState, arrangement: str, contract: str) -> Day:
    """The first day on which any fact of the arrangement counts: where a first revenue run begins."""
    days = [each.at for each in state.facts.terms if each.arrangement == arrangement]
    days += [each.at for each in state.documents.lines if each.arrangement == arrangement]
    days += [each.at for each in state.documents.cash if each.contract == contract]
    days += [each.at for each in state.documents.acts if each.contract == contract]
    days += _amount_days(state, arrangement, contract)
    return min(days)


def last_fact(state: GroupState, arrangement: str, contract: str) -> Day:
    """The last day on which anything of the arrangement can move: behind it no run has anything to emit."""
    days = [each.at for each in state.facts.components if each.arrangement == arrangement]
    for terms in state.facts.terms:
        if terms.arrangement == arrangement:
            days += _stated_days(terms)
    days += [each.at for each in state.facts.evidence if each.contract == contract]
    days += [each.at for each in state.facts.estimates if each.contract == contract]
    days += [each.at for each in state.facts.assessments if each.contract == contract]
    days += [each.at for each in state.documents.lines if each.contract == contract]
    days += [each.at for each in state.documents.cash if each.contract == contract]
    days += [each.at for each in state.documents.acts if each.contract == contract]
    days += _amount_days(state, arrangement, contract)
    return max(days)


def _stated_days(terms: Terms) -> Iterator[Day]:
    """Days that a version states: its own, and those that its promises begin, pause and end on."""
    yield terms.at
    for item in terms.add:
        yield from (day for day in (item.first, item.last) if day is not None)
    yield from (each.value for each in terms.change if each.field != "qty")
    if terms.more is not None:
        yield from (
            day for pause in terms.more.pauses for day in (pause.first, pause.last) if day is not None
        )


def _amount_days(state: GroupState, arrangement: str, contract: str) -> list[Day]:
    """Days of usage and of work."""
    own = [each for each in state.usage if each.arrangement == arrangement]
    days = [each.at for bucket in own for each in (*bucket.rated, *bucket.details)]
    return days + [each.at for log in state.work if log.contract == contract for each in log.entries]
