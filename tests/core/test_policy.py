"""Each choice that the core makes by policy is a switch, and nothing else is."""

import pytest
from msgspec.structs import replace

from tieout.agents.accounting.policy import CreditEffect, Policy
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.policy import check_policy
from tieout.agents.contracts.switches import SWITCHES, credit_effect, form_of, policy_from
from tieout.avro.reference import EntityPublished, PolicySwitch, ReferenceHeader

ENTITY = EntityPublished(
    ReferenceHeader("t", "entity", "US", 1, 0), "USD", ("USD",), "gregorian", "erp", "primary", ()
)


def test_each_choice_of_the_core_is_a_switch_whose_default_is_what_is_chosen_where_nobody_does():
    switches = tuple(PolicySwitch(name, values[0]) for name, values in SWITCHES.items())
    assert policy_from(switches) == policy_from(()) == Policy()
    fields = {form_of(name).field for name in SWITCHES}
    assert fields == set(Policy.__struct_fields__) - {"credit_effects"}


@pytest.mark.parametrize(
    ("value", "fine"), [("7", True), ("-7", False), ("7%", False), ("\u00b2", False), ("", False)]
)
def test_a_number_is_taken_where_a_switch_takes_any(value, fine):
    entity = replace(ENTITY, policy=(PolicySwitch("ssp_tolerance", value),))
    if fine:
        check_policy(entity)
        assert policy_from(entity.policy).ssp_tolerance_percent == 7
    else:
        with pytest.raises(Refused, match="POLICY_MISSING"):
            check_policy(entity)


def test_a_number_is_taken_nowhere_else():
    with pytest.raises(Refused, match="POLICY_MISSING"):
        check_policy(replace(ENTITY, policy=(PolicySwitch("books", "7"),)))


def test_what_a_credit_does_to_the_price_is_chosen_by_reason_and_has_a_default_for_those_that_are_known():
    policy = policy_from((PolicySwitch("credit_effect.goodwill", "version:goodwill"),))
    assert credit_effect(policy, "goodwill") == CreditEffect("version", "contra_revenue.goodwill")
    assert credit_effect(policy, "sla_credit") == CreditEffect("performed", "")
    assert [credit_effect(policy, reason) for reason in (None, "no such reason")] == [None, None]


def test_contra_revenue_by_reason_is_of_what_takes_from_revenue_and_a_class_that_is_named_comes_first():
    named = PolicySwitch("credit_effect.refund", "version:refunds")
    plain = PolicySwitch("credit_effect.goodwill", "performed")
    policy = policy_from((PolicySwitch("contra_accounts", "by_reason"), named, plain))
    shown = {
        reason: credit_effect(policy, reason).contra
        for reason in ("sla_credit", "rebate", "refund", "goodwill")
    }
    assert shown == {
        "sla_credit": "contra_revenue.sla_credit",
        "rebate": "contra_revenue.rebate",
        "refund": "contra_revenue.refunds",
        "goodwill": "contra_revenue.goodwill",
    }
    nothing_earned = ("billing_error", "duplicate", "settles_modification", "future_discount")
    assert {credit_effect(policy, reason).contra for reason in nothing_earned} == {""}
    assert [credit_effect(policy, reason) for reason in (None, "no such reason", "void")] == [None] * 3


def test_an_account_for_contra_revenue_is_needed_where_any_credit_is_shown_in_it():
    by_reason = PolicySwitch("contra_accounts", "by_reason")
    shows = PolicySwitch("credit_effect.refund", "version:refunds")
    bare = PolicySwitch("credit_effect.refund", "version")
    assert [policy_from((each,)).shows_contra for each in (by_reason, shows, bare)] == [True, True, False]


@pytest.mark.parametrize(
    ("value", "is_built"),
    [
        ("right_to_invoice,sales_based", True),
        ("one_year", True),
        ("one_year,wholly_unsatisfied,right_to_invoice,sales_based", True),
        ("one_year,one_year", False),
        ("one_year,moon", False),
        ("", False),
    ],
)
def test_kinds_that_do_not_remain_are_a_list_in_any_order_each_of_them_once(value, is_built):
    row = replace(ENTITY, policy=(PolicySwitch("rpo_exempt", value),))
    if is_built:
        check_policy(row)
        assert policy_from(row.policy).rpo_exempt == tuple(value.split(","))
    else:
        with pytest.raises(Refused, match="rpo_exempt"):
            check_policy(row)
