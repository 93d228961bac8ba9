"""While workers of the release before run, nothing is accepted that they could not go on from; it waits, and is not lost."""

from __future__ import annotations

import datetime as dt

import pytest
from contract_inbox import CUT, Inbox
from golden.inbox import Inbox as Decided
from golden.scenario import Given
from msgspec.structs import replace

from tieout.agents.contracts.accepted import Accepted
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.facts import with_estimate
from tieout.agents.contracts.facts_work import with_work
from tieout.agents.contracts.rules import RULES
from tieout.agents.contracts.upgrade import check_upgrade
from tieout.avro.control import ReferenceActivated
from tieout.avro.events import AccessRevoked, GoodsDelivered
from tieout.avro.reference import PolicySwitch
from tieout.streams.sample_events import activated, delivered, invoiced, said
from tieout.tables import codec as rows
from tieout.tables.facts import Estimate
from tieout.tables.keys import GROUP_ROWS, STATE
from tieout.tables.reference import Reference
from tieout.tables.work import Work


@pytest.fixture
def previous(monkeypatch):
    monkeypatch.setattr(rows._Process, "writes_previous", True)


def estimating(state, event, draft):
    estimate = Estimate(
        event.envelope.object_id, 1, "C1", "SEATS", "percent", 1, 500_000, draft.cause.pointer
    )
    return Accepted(with_estimate(state, estimate, {}), effect=False)


def working(state, event, draft):
    work = Work(event.envelope.object_id, 1, "hours", 1, 1, 10, draft.cause.pointer)
    return Accepted(with_work(state, "C1", "SEATS", work, {})[0], effect=False)


def nothing(state, event, draft):
    return Accepted(state, effect=False)


def group_rows(inbox):
    return [value for key, value in inbox.harness.store.scan(GROUP_ROWS) if b"\0" + STATE in key]


def test_what_both_releases_know_goes_on_and_is_written_as_the_release_before_does(previous):
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 12_000_00))
    assert inbox.open_codes() == []
    assert {row[0] for row in group_rows(inbox)} == {rows.STATE_VERSION - 1}


@pytest.mark.parametrize(
    ("event", "kind", "rule"),
    [
        (said("access_revoked"), AccessRevoked, nothing),
        (delivered("D1", "S", 1), GoodsDelivered, estimating),
        (delivered("D1", "S", 1), GoodsDelivered, working),
    ],
    ids=["an event type that it has no rule for", "a fact that its row has no place for", "a row of its own"],
)
def test_what_the_release_before_could_not_go_on_from_waits_until_it_is_gone(event, kind, rule, monkeypatch):
    monkeypatch.setitem(RULES, kind, rule)
    inbox = Inbox()
    with monkeypatch.context() as upgrade:
        upgrade.setattr(rows._Process, "writes_previous", True)
        inbox.put(activated(), event)
        assert inbox.open_codes() == ["EVENT_UNSUPPORTED"]
        assert {row[0] for row in group_rows(inbox)} == {rows.STATE_VERSION - 1}
    inbox.mark(ReferenceActivated(inbox.header(), CUT))
    assert inbox.open_codes() == []
    assert inbox.outcomes()["no_effect"] == 1


YEAR = dt.date(2025, 1, 1)
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 1200,
    "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}],
}


def opened(monkeypatch):
    """State before and after an activation, its event and view, now that the rows of the release before are written."""
    given = Given({"events": [ACTIVATION], "expect": {}})
    inbox = Decided(given.reference())
    before, (event,) = inbox.state, given.steps()
    inbox.deliver(event)
    monkeypatch.setattr(rows._Process, "writes_previous", True)
    return before, inbox.state, event, inbox.view()


@pytest.mark.parametrize(("field", "value"), [("measure", "cost"), ("convention", "ends_by_day_even_middle")])
def test_a_line_with_what_the_release_before_has_not_waits(field, value, monkeypatch):
    before, after, event, view = opened(monkeypatch)
    check_upgrade(before, after, event, view)
    terms = after.facts.terms[0]
    item = replace(terms.add[0], **{field: value})
    after = replace(after, facts=replace(after.facts, terms=(replace(terms, add=(item,)),)))
    with pytest.raises(Refused, match=field):
        check_upgrade(before, after, event, view)


@pytest.mark.parametrize(
    ("name", "value", "waits"),
    [
        ("schedule_rounding", "last_plug", True),
        ("schedule_rounding", "cumulative", False),
        ("fx_policy", "historical_cl", True),
        ("credit_effect.void", "version:voids", False),
        ("ssp_tolerance", "7", False),
    ],
)
def test_a_choice_that_the_release_before_would_pass_over_waits(name, value, waits, monkeypatch):
    before, after, event, view = opened(monkeypatch)
    arrangement = after.group.arrangements[0]
    entity = view.reference.entity_version(arrangement.entity, arrangement.policy_version)
    chosen = replace(entity, policy=(PolicySwitch(name, value),))
    view = view._replace(reference=Reference.of([chosen], 1))
    if waits:
        with pytest.raises(Refused, match=name):
            check_upgrade(before, after, event, view)
    else:
        check_upgrade(before, after, event, view)
    check_upgrade(after, after, event, view)  # what was opened before stays open
