"""Items that wait for people: told when they open and when they end, in one order whatever came first."""

from itertools import permutations

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from msgspec.structs import replace

from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.open_items import changed, ended, item_of, opened
from tieout.avro.commands import Cause
from tieout.tables.contract import OpenItem

CAUSE = Cause("inbox", 0, 1)


def item(code, fact, detail="as it was"):
    return OpenItem(code, fact, "C1", "revenue_run", 0, "USD", 7, detail, CAUSE)


A, B, C = (
    item("FX_RATE_MISSING", "C1@1/UK"),
    item("FX_RATE_MISSING", "C1@2/UK"),
    item("POLICY_REVIEW", "C1@1"),
)


@pytest.fixture
def state():
    return Inbox(Given({"events": [], "expect": {}}).reference()).state


@pytest.fixture
def draft(state):
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    return Draft(state, inbox.view(), CausedBy("e", CAUSE))


def told(draft):
    return [(each.status, each.code, each.scope) for each in draft.exceptions]


@pytest.mark.parametrize("order", list(permutations((A, B, C))))
def test_items_stand_in_one_order_whatever_order_they_opened_in(state, draft, order):
    for each in order:
        state = opened(state, (each,), draft)
    assert state.group.open_items == (A, B, C)
    assert told(draft) == [("open", each.code, each.fact) for each in order]


def test_what_changes_keeps_its_place_and_is_not_told_again(state, draft):
    state = opened(state, (A, B), draft)
    state = changed(state, (replace(A, detail="as it is"),))
    assert [each.detail for each in state.group.open_items] == ["as it is", "as it was"]
    assert item_of(state, A.code, A.fact).detail == "as it is"
    assert len(draft.exceptions) == 2


def test_what_ends_is_told_once_and_leaves_the_others(state, draft):
    state = ended(opened(state, (A, B, C), draft), (B,), draft)
    assert state.group.open_items == (A, C)
    assert told(draft)[3:] == [("resolved", B.code, B.fact)]
    assert item_of(state, B.code, B.fact) is None


def test_nothing_to_say_leaves_the_state_itself(state, draft):
    state = opened(state, (A,), draft)
    assert changed(state, (A,)) is state
    assert ended(state, (), draft) is state
    assert opened(state, (), draft) is state
    assert len(draft.exceptions) == 1
