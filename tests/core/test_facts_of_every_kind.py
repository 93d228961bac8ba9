"""Goal: whatever order facts come in, the state, its sums and its rows are the same. Method: hand-made facts of every kind."""

import datetime as dt
from functools import cache

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.contracts import derivation
from tieout.agents.contracts.derivation import check_derived, prepared
from tieout.agents.contracts.fact_days import earliest_fact
from tieout.agents.contracts.facts import (
    known_fact,
    with_collectability,
    with_component,
    with_estimate,
    with_manual,
    with_version_replaced,
)
from tieout.agents.contracts.facts_billing import with_act, with_cash, with_document
from tieout.agents.contracts.facts_work import (
    with_detail,
    with_evidence,
    with_usage,
    with_usage_closed,
    with_work,
    without_usage,
)
from tieout.avro.commands import Cause
from tieout.tables.documents import Act, Cash, DocLine
from tieout.tables.extent import extent_of
from tieout.tables.facts import (
    Collectability,
    Component,
    Correction,
    Estimate,
    Evidence,
    Particulars,
    Pause,
    Special,
)
from tieout.tables.group_rows import fits_previous, state_from_rows, state_rows
from tieout.tables.ledger import Manual
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail, Work

YEAR = dt.date(2025, 1, 1)
DAY = YEAR.toordinal() - dt.date(1970, 1, 1).toordinal()
CAUSE = Cause("inbox", 0, 1)
HOME = "C1@1"
LINES = [
    {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31), "ssp": 700},
    {"po": "G", "measure": "units", "qty": 9, "ssp": 50, "ssp_per": "unit"},
    {"po": "U", "measure": "usage", "meter": "m"},
]


@cache
def opened_inbox():
    activation = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": LINES}
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    for step in Given({"events": [activation], "expect": {}}).steps():
        inbox.deliver(step)
    return inbox


def opened():
    return opened_inbox().state


def opened_view():
    return opened_inbox().view()


def line(number, at):
    return DocLine(
        number,
        1,
        1,
        "invoice",
        "C1",
        HOME,
        "S",
        at,
        at,
        70,
        7,
        None,
        None,
        None,
        *(True, None),
        (1, 1),
        CAUSE,
        number,
    )


def bucket(first):
    return UsageBucket("C1", "m", first, HOME, "U", ())


KINDS = {
    "price change": lambda state, name, at: with_component(
        state, Component(name, 1, HOME, at, 30, "version", "", CAUSE)
    ),
    "estimate": lambda state, name, at: with_estimate(
        state, Estimate(name, 1, "C1", "S", "percent", at, 5, CAUSE), {HOME: at}
    ),
    "evidence": lambda state, name, at: with_evidence(
        state, Evidence(name, "C1", "G", at, 1_000_000, CAUSE), {HOME: at}
    ),
    "work": lambda state, name, at: with_work(
        state, "C1", "S", Work(name, 1, "cost", at, 0, 40, CAUSE), {HOME: at}
    )[0],
    "document": lambda state, name, at: with_document(state, name, (line(name, at),)),
    "cash": lambda state, name, at: with_cash(state, Cash(name, "C1", at, 20, None, CAUSE)),
    "act": lambda state, name, at: with_act(state, Act(name, 1, "void", "C1", at, 11, "I1", "", CAUSE)),
    "rated usage": lambda state, name, at: with_usage(
        state, bucket(at), RatedUsage(name, at, 1, 0, 13, CAUSE)
    )[0],
    "reported usage": lambda state, name, at: with_detail(
        state, bucket(DAY), UsageDetail(name, 1, at, 8, 0, "", CAUSE)
    )[0],
    "assessment": lambda state, name, at: with_collectability(
        state, Collectability(name, 1, "C1", at, probable=False, cause=CAUSE)
    ),
    "manual journal": lambda state, name, at: with_manual(
        state,
        tuple(Manual(name, n, "C1", "US", "primary", "revenue", "S", 1, 5, None, "", CAUSE) for n in (1, 2)),
    ),
}
FACTS = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 5), st.integers(DAY - 3, DAY + 400)),
    max_size=12,
    unique_by=lambda fact: fact[:2],
)


def holding(facts):
    state = opened()
    for kind, number, at in facts:
        state = KINDS[kind](state, f"{kind} {number}", at)
    return state


def read_back(state):
    return state_from_rows((suffix, row) for suffix, row in state_rows(None, state) if row is not None)


@settings(max_examples=60, deadline=None)
@given(FACTS.flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_facts_of_every_kind_commute_and_their_rows_give_them_back(orders):
    listed, shuffled = (holding(facts) for facts in orders)
    assert listed == shuffled
    assert listed.extent == extent_of(listed.facts, listed.documents, listed.usage, listed.work)
    assert read_back(listed) == listed


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_fact_has_a_place_of_its_own_and_a_key(kind):
    before = opened()
    once = KINDS[kind](before, "A", DAY + 9)
    assert once != before
    assert KINDS[kind](KINDS[kind](before, "A", DAY + 9), "B", DAY + 9) != once
    if kind not in (
        "document",
        "rated usage",
    ):  # of which the earlier version is taken out: test_contract_replaced
        assert KINDS[kind](KINDS[kind](before, "A", DAY + 700), "A", DAY + 9) == once


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fact_that_the_release_before_has_no_place_for_is_noticed(kind):
    known = {"price change", "evidence", "document", "cash", "rated usage"}
    assert fits_previous(opened(), KINDS[kind](opened(), "A", DAY)) == (kind in known)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"manual journal"}))
def test_no_run_looks_past_the_last_fact_nor_before_the_first(kind):
    early, late = KINDS[kind](opened(), "A", DAY - 40), KINDS[kind](opened(), "A", DAY + 900)
    moves_due_or_amounts = kind not in ("price change", "estimate", "evidence", "assessment")
    assert (earliest_fact(early, early.arrangement(HOME)) == DAY - 40) == moves_due_or_amounts
    assert late.extent.last == DAY + 900
    assert opened().extent.last == DAY + 364


def test_a_corrected_version_stands_in_the_place_of_the_one_that_was_told():
    before = opened()
    told = before.facts.terms[0]
    more = Particulars(correction=Correction(DAY, "X", 1), pauses=(Pause("S", DAY + 500, None),))
    corrected = replace(told, pool=900_00, more=more)
    after = with_version_replaced(before, (corrected,))
    assert after.facts.terms == (corrected,)
    assert sum(share.base + share.amount for share in after.layers[0].steps[-1].shares) == 900_00
    assert after.extent.last == DAY + 500
    assert read_back(after) == after
    assert not fits_previous(before, after)
    assert with_version_replaced(after, (told,)) == before


def test_a_closed_usage_period_keeps_what_its_details_add_up_to():
    state = opened()
    for number in range(3):
        state, kept = with_detail(state, bucket(DAY), UsageDetail(f"u{number}", 1, DAY, 8, 0, "", CAUSE))
    state = with_usage_closed(state, kept, ((DAY, 24_000_000),), b"digest")
    assert state.usage == (
        replace(bucket(DAY), closed=True, digest=b"digest", count=3, held=((DAY, 24_000_000),)),
    )
    assert read_back(state).usage == state.usage
    with pytest.raises(AssertionError, match="no details"):
        with_detail(state, bucket(DAY), UsageDetail("u9", 1, DAY, 8, 0, "", CAUSE))


def test_what_only_some_promises_state_costs_the_others_one_byte():
    state = opened()
    terms = state.facts.terms[0]
    plain, special = terms.add[0], replace(terms.add[0], special=Special(gate="acceptance", residual=True))
    after = with_version_replaced(state, (replace(terms, add=(special, *terms.add[1:])),))
    assert read_back(after) == after
    sizes = [len(dict(state_rows(None, each))[b"t"]) for each in (state, after)]
    assert plain.special is None
    assert sizes[1] - sizes[0] > 20


KEPT = st.lists(
    st.tuples(
        st.sampled_from(["evidence", "document", "cash", "rated usage", "act"]),
        st.integers(0, 3),
        st.integers(DAY - 3, DAY + 400),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(KEPT)
def test_what_is_kept_beside_the_facts_is_what_they_give_anew(facts):
    """Equal names are later versions of the same fact, of which the earlier one is taken out first where it has to be."""
    state = prepared(opened())
    taken = set()
    for kind, number, at in facts:
        if kind in ("document", "rated usage") and (kind, number) in taken:
            continue
        taken.add((kind, number))
        state = KINDS[kind](state, f"{kind} {number}", at)
        check_derived(state)
    assert state.derived is not None


def test_what_is_kept_and_is_not_what_the_facts_give_is_noticed():
    state = KINDS["evidence"](prepared(opened()), "A", DAY + 9)
    check_derived(state)
    done = {
        promise: replace(each, moved=each.moved.adding(DAY, 1))
        for promise, each in state.derived.done.items()
    }
    with pytest.raises(InvariantBroken, match="beside the facts"):
        check_derived(replace(state, derived=replace(state.derived, done=done)))


def test_a_fact_walks_no_contract_and_no_promise_but_its_own(monkeypatch):
    state = prepared(opened())
    asked = []
    monkeypatch.setattr(derivation, "walked", lambda *given: asked.append("account"))
    monkeypatch.setattr(derivation, "performance_of", lambda *given: asked.append("performance"))
    evidence = KINDS["evidence"](state, "A", DAY + 9)
    prepared(evidence)
    assert asked == ["performance"], "the first of the promise"
    cash = prepared(KINDS["cash"](state, "A", DAY + 9))
    prepared(cash)
    assert asked == ["performance"], "what comes last goes on from the end of its contract's account"
    before = KINDS["cash"](cash, "B", DAY + 8)
    prepared(prepared(before))
    assert asked == ["performance", "account"]


def test_taken_out_usage_leaves_no_amount_behind():
    state = prepared(opened())
    used = KINDS["rated usage"](state, "A", DAY + 9)
    (standing,) = used.usage
    left = without_usage(used, standing, standing.rated[0])
    check_derived(left)
    assert left.derived.amounts["C1", "U"].steps.total == 0


def test_evidence_that_a_later_version_gives_to_another_promise_is_gone_from_the_first():
    state = KINDS["evidence"](prepared(opened()), "A", DAY + 9)
    other = replace(known_fact(state.facts.evidence, "A"), po="S", version=2)
    state = with_evidence(state, other, {HOME: DAY + 9})
    check_derived(state)
    assert state.derived.done.keys() == {("C1", "S")}
