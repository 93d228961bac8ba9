"""Policies are versions with a first day: bound to a contract when it opens, put to review when they change, never applied back."""

import datetime as dt
from itertools import starmap
from types import SimpleNamespace

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import ident
from tieout.agents.contracts.policy import check_policy, policy_of
from tieout.avro.control import ReferenceActivated
from tieout.avro.reference import EntityPublished, PolicyPublished, PolicySwitch, ReferenceHeader
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.tables.reference import Reference

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": END}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}
JANUARY_BY_DAYS, JANUARY_BY_MONTHS = 101_92, 100_00  # 120,000 x 31/365 = 10,191.78; 120,000 / 12


def policy(version, effective, book="primary", **switches):
    header = ReferenceHeader("t", "policy", f"US/{book}", version, day_of(effective))
    chosen = tuple(PolicySwitch(name, value) for name, value in switches.items())
    return PolicyPublished(header, "US", book, chosen, "cfo")


class Published:
    """An inbox whose reference data grow, activation by activation."""

    def __init__(self, *described, published=()):
        self.given = Given({"events": [ACTIVATION, *described], "expect": {}})
        self.rows = [*self.given._rows(), *published]
        self.inbox = Inbox(Reference.of(self.rows, 0), TENANT, GROUP)
        self.events = list(self.given.steps())

    def open(self):
        self.inbox.deliver(self.events[0])
        return self

    def publish(self, *rows):
        self.rows += rows
        self.inbox.reference = Reference.of(self.rows, 0)
        self.inbox.mark(lambda header: ReferenceActivated(header, len(self.rows)))
        return self

    def reviews(self):
        return [(each.scope, each.status) for each in self.inbox.exceptions if each.code == "POLICY_REVIEW"]

    def earned(self, period="2025-01"):
        self.inbox.run(day_of("2025-12"))
        lines = [
            line for each in self.inbox.commands if each.header.kind == "journal.post" for line in each.lines
        ]
        return sum(
            line.credit_minor - line.debit_minor
            for line in lines
            if (line.account_class, line.service_period) == ("revenue", period)
        )


def test_a_contract_is_bound_to_the_policy_of_its_book_as_of_its_opening():
    assert Published(published=[policy(1, YEAR, convention="days")]).open().earned() == JANUARY_BY_DAYS
    assert Published(published=[policy(1, "2025-02", convention="days")]).open().earned() == JANUARY_BY_MONTHS
    assert (
        Published(published=[policy(1, YEAR, book="ifrs", convention="days")]).open().earned()
        == JANUARY_BY_MONTHS
    )


def test_the_highest_version_that_is_effective_by_then_is_pinned():
    given = Published(
        published=[policy(1, YEAR, convention="days"), policy(2, YEAR, convention="months_even")]
    ).open()
    (arrangement,) = given.inbox.state.group.arrangements
    assert arrangement.policies == (("primary", 2),)
    assert policy_of(given.inbox.view(), arrangement).convention == "months_even"
    assert given.reviews() == []


@pytest.mark.parametrize("arrival", ["contract first", "policy first"])
def test_a_change_in_mid_period_is_put_to_review_once_and_alters_nothing(arrival):
    changed = policy(1, dt.date(2025, 6, 15), convention="days")
    if arrival == "contract first":
        given = Published().open()
        given.inbox.run(day_of("2025-05"))
        given.publish(changed)
    else:
        given = Published(published=[changed]).open()
    assert given.reviews() == [("C1@1/policy/1", "open")]
    given.publish()
    assert given.reviews() == [("C1@1/policy/1", "open")]
    assert given.earned("2025-07") == JANUARY_BY_MONTHS
    assert given.earned("2025-01") == JANUARY_BY_MONTHS


def test_what_is_signed_off_is_not_put_to_review_again_but_a_further_change_is():
    signed = {
        "at": YEAR,
        "type": "exception_resolved",
        "exception": "POLICY_REVIEW/C1@1/policy/1",
        "decision": "sign_off",
    }
    given = Published(signed).open().publish(policy(1, "2025-06", convention="days"))
    given.inbox.deliver(given.events[1])
    given.publish()
    assert given.reviews() == [("C1@1/policy/1", "open"), ("C1@1/policy/1", "resolved")]
    assert not given.inbox.state.group.open_items
    given.publish(policy(2, "2025-07", convention="months_even"))
    assert given.reviews()[2:] == [("C1@1/policy/2", "open")]


NOTHING_TO_REVIEW = {
    "it says what is the default": policy(1, "2025-06", convention="months_prorated"),
    "it counts at posting": policy(1, "2025-06", late_effects="withhold_all", materiality="100"),
    "the contract has ended by then": policy(1, "2026-01", convention="days"),
    "it is another book's": policy(1, "2025-06", book="ifrs", convention="days"),
}


@pytest.mark.parametrize("row", NOTHING_TO_REVIEW.values(), ids=NOTHING_TO_REVIEW)
def test_a_policy_that_leaves_a_contract_as_it_is_is_not_put_to_review(row):
    assert Published().open().publish(row).reviews() == []


def test_a_change_in_the_entitys_own_row_is_put_to_review_too_where_no_policy_of_the_book_governs():
    def changed(given):
        (entity,) = [row for row in given.rows if isinstance(row, EntityPublished)]
        header = replace(entity.header, version=2, effective_date=day_of("2025-06"))
        return replace(entity, header=header, policy=(PolicySwitch("convention", "days"),))

    own = Published().open()
    assert own.publish(changed(own)).reviews() == [("C1@1/entity/2", "open")]
    governed = Published(published=[policy(1, YEAR, convention="months_even")]).open()
    assert governed.publish(changed(governed)).reviews() == []


def test_a_switch_without_a_rule_keeps_contracts_out_and_is_reviewed_by_those_that_are_in():
    unbuilt = policy(1, YEAR, convention="weeks")
    refused = Published(published=[unbuilt]).open()
    assert [code for code, _ in refused.inbox.refusals] == ["POLICY_MISSING"]
    assert Published().open().publish(unbuilt).reviews() == [("C1@1/policy/1", "open")]


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        ({"convention": "weeks"}, "months_prorated, days, months_even, ends_by_day_even_middle has"),
        ({"ssp_tolerance": "five"}, "has no rule in this release; one of 0, a number has"),
        ({"credit_effect.gift": "later"}, "has no rule in this release; one of none, performed, version, price_only has"),
        ({"mood": "high"}, "policy mood = 'high' of entity 'US' has no rule in this release"),
    ],
)  # fmt: skip
def test_a_switch_without_a_rule_is_told_with_the_values_that_have_one(switch, said):
    with pytest.raises(Refused) as refused:
        check_policy(
            SimpleNamespace(
                header=SimpleNamespace(id="US"), policy=tuple(starmap(PolicySwitch, switch.items()))
            )
        )
    assert refused.value.refusal.detail.endswith(said)


def test_what_an_amendment_adds_follows_the_contracts_policy_and_a_renewal_that_of_its_day():
    added = {
        "at": dt.date(2025, 7, 1),
        "type": "contract_amended",
        "price_change": 600,
        "add": [{"po": "T", "measure": "time", "from": dt.date(2025, 7, 1), "to": END, "ssp": 600}],
    }
    term = {
        "po": "R",
        "measure": "time",
        "from": dt.date(2026, 1, 1),
        "to": dt.date(2026, 12, 31),
        "ssp": 1200,
    }
    renewed = {
        "at": dt.date(2026, 1, 1),
        "approved": dt.date(2025, 12, 1),
        "type": "contract_renewed",
        "price": 1200,
        "lines": [term],
    }
    given = Published(added, renewed, published=[policy(1, YEAR, convention="days")]).open()
    given.publish(policy(2, dt.date(2025, 6, 1), convention="months_even"))
    for event in given.events[1:]:
        given.inbox.deliver(event)
    pinned = {each.id: each.policies for each in given.inbox.state.group.arrangements}
    assert pinned == {"C1@1": (("primary", 1),), "C1@2": (("primary", 1),), "C1@3": (("primary", 2),)}
    assert given.reviews() == [("C1@1/policy/2", "open"), ("C1@2/policy/2", "open")]


def test_a_review_is_named_by_its_arrangement_and_row():
    given = Published().open().publish(policy(1, "2025-06", convention="days"))
    (item,) = given.inbox.exceptions
    assert item.exception_id == ident(TENANT, GROUP, "POLICY_REVIEW", "C1@1/policy/1")
    assert "from 2025-06-30 on" in item.detail
