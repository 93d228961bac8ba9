"""What is refused, by which code, when it is tried again; and that a refusal changes nothing."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.accounting.invariant import InvariantBroken
from tieout.agents.contracts import decide as deciding
from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.contracts.switches import SWITCHES
from tieout.avro.commands import Cause
from tieout.avro.events import DocumentLine, LineChange, Terminable
from tieout.avro.reference import AccountMapped, EntityPublished, ErpAccountPublished, PolicySwitch
from tieout.tables.reference import Reference

YEAR = dt.date(2025, 1, 1)
END = dt.date(2025, 12, 31)
CAUSE = CausedBy("e", Cause("inbox", 0, 1))
TIME = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 1200}
POINT = {"po": "P", "measure": "point", "ssp": 300}
USAGE = {"po": "U", "measure": "usage", "meter": "m"}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [TIME, POINT, USAGE]}


def events(*described):
    return list(Given({"events": [ACTIVATION, *described], "expect": {}}).steps())


def reference(**data):
    return Given({"events": [], "expect": {}, **data}).reference()


def rows(**data):
    return tuple(Given({"events": [], "expect": {}, **data})._rows())


def active(*described):
    """An inbox with the accepted events before the last one, and that last one."""
    inbox = Inbox(reference())
    steps = events(*described)
    for step in steps[:-1]:
        inbox.deliver(step)
    assert inbox.refusals == []
    return inbox, steps[-1]


def refusal(inbox, event):
    decision = decide(inbox.state, event, inbox.view(), CAUSE)
    assert decision.outcome == "refused", decision
    assert decision.state is inbox.state
    assert not (decision.commands)
    assert not (decision.revenue)
    assert not (decision.exceptions)
    assert not (decision.decisions)
    assert decision.refusal.code in REASONS
    return decision.refusal.code, decision.refusal.retry


def first_line(event, **changes):
    return replace(event, lines=(replace(event.lines[0], **changes), *event.lines[1:]))


ACTIVATIONS = {
    "negative quantity": (lambda e: first_line(e, quantity=-3), "VALUE_INVALID"),
    "no quantity": (lambda e: first_line(e, quantity=0), "VALUE_INVALID"),
    "finer than a millionth": (lambda e: first_line(e, quantity_scale=7), "VALUE_INVALID"),
    "too large to count": (lambda e: first_line(e, quantity=2**53 // 10**6 + 1), "VALUE_INVALID"),
    "negative price": (lambda e: replace(e, price_minor=-1), "VALUE_INVALID"),
    "near 64 bits": (lambda e: replace(e, price_minor=2**63 - 1), "VALUE_INVALID"),
    "negative SSP": (lambda e: first_line(e, ssp_minor=-1), "VALUE_INVALID"),
    "a line twice": (lambda e: replace(e, lines=(*e.lines, e.lines[0])), "VALUE_INVALID"),
    "a line without an id": (lambda e: first_line(e, po=""), "VALUE_INVALID"),
    "usage without a meter": (
        lambda e: replace(e, lines=(*e.lines[:2], replace(e.lines[2], meter=None))),
        "VALUE_INVALID",
    ),
    "a point priced per month": (
        lambda e: replace(e, lines=(e.lines[0], replace(e.lines[1], ssp_per="month"))),
        "VALUE_INVALID",
    ),
    "SSP per fortnight": (lambda e: first_line(e, ssp_per="fortnight"), "VALUE_INVALID"),
    "unknown currency": (lambda e: replace(e, currency="XQX"), "VALUE_INVALID"),
    "a currency that the entity has not": (lambda e: replace(e, currency="SEK"), "ENTITY_UNRESOLVED"),
    "unknown entity": (
        lambda e: replace(e, envelope=replace(e.envelope, legal_entity="ZZ")),
        "ENTITY_UNRESOLVED",
    ),
    "term reversed": (lambda e: replace(e, start_date=e.end_date, end_date=e.start_date), "DATES_INVALID"),
    "line reversed": (lambda e: first_line(e, from_date=day_of(END), to_date=day_of(YEAR)), "DATES_INVALID"),
    "time without a span": (lambda e: first_line(e, to_date=None), "DATES_INVALID"),
    "unmapped product": (lambda e: first_line(e, product="NONE"), "PRODUCT_UNMAPPED"),
    "not approved": (lambda e: replace(e, approved_date=None), "APPROVAL_MISSING"),
    "SSP missing": (lambda e: first_line(e, ssp_minor=None), "SSP_MISSING"),
    "lines that do not add up": (
        lambda e: replace(e, lines=tuple(replace(line, price_minor=1) for line in e.lines)),
        "AMOUNT_MISMATCH",
    ),
    "a price that no line earns": (lambda e: replace(e, lines=e.lines[2:]), "AMOUNT_MISMATCH"),
    "too many lines": (
        lambda e: replace(e, lines=tuple(replace(e.lines[0], po=f"L{n}") for n in range(51))),
        "LIMIT_EXCEEDED",
    ),
    "another performing entity": (lambda e: first_line(e, entity="UK"), "ENTITY_UNRESOLVED"),
    "unknown convention": (lambda e: first_line(e, convention="lunar"), "EVENT_UNSUPPORTED"),
    "negative notice": (
        lambda e: replace(e, terminable=Terminable("customer", -1, penalty=False)),
        "VALUE_INVALID",
    ),
}


@pytest.mark.parametrize("what", ACTIVATIONS)
def test_a_bad_activation_is_refused_by_its_code(what):
    spoil, code = ACTIVATIONS[what]
    inbox, event = active()
    waits = code in ("PRODUCT_UNMAPPED", "ENTITY_UNRESOLVED", "SSP_MISSING")
    retry = "reference" if waits else "never"
    assert refusal(inbox, spoil(event)) == (code, retry)


@pytest.mark.parametrize("kind", [ErpAccountPublished, AccountMapped])
def test_a_contract_waits_until_its_commands_can_be_routed_and_booked(kind):
    missing = Reference.of((row for row in rows() if not isinstance(row, kind)), 0)
    code = "ENTITY_UNRESOLVED" if kind is ErpAccountPublished else "ACCOUNT_UNMAPPED"
    assert refusal(Inbox(missing), events()[0]) == (code, "reference")


@pytest.mark.parametrize("value", ["off", "by_reason"])
def test_an_account_for_contra_revenue_is_waited_for_where_credits_are_shown_by_reason(value):
    published = rows(policy={"contra_accounts": value})
    unmapped = [row for row in published if row.header.id != "US/contra_revenue"]
    assert len(unmapped) == len(published) - 1
    inbox = Inbox(Reference.of(unmapped, 0))
    decision = decide(inbox.state, events()[0], inbox.view(), CAUSE)
    code = None if decision.refusal is None else decision.refusal.code
    assert code == (None if value == "off" else "ACCOUNT_UNMAPPED")


def test_a_contract_of_an_entity_without_a_calendar_waits():
    changed = (replace(row, calendar="4-4-5") if isinstance(row, EntityPublished) else row for row in rows())
    assert refusal(Inbox(Reference.of(changed, 0)), events()[0]) == ("PERIOD_CALENDAR_MISSING", "reference")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule_rounding", "last_full_month"),
        ("netting", "contract"),
        ("colour", "red"),
        ("credit_effect.x", "maybe"),
    ],
)
def test_a_policy_without_a_rule_is_refused_and_not_ignored(name, value):
    switches = (PolicySwitch(name, value),)
    changed = (replace(row, policy=switches) if isinstance(row, EntityPublished) else row for row in rows())
    assert refusal(Inbox(Reference.of(changed, 0)), events()[0]) == ("POLICY_MISSING", "reference")


def test_every_default_of_a_policy_switch_is_accepted():
    switches = {name: values[0] for name, values in SWITCHES.items()}
    inbox = Inbox(reference(policy=switches))
    inbox.deliver(events()[0])
    assert inbox.outcomes == ["applied"]


def test_a_second_activation_is_refused():
    inbox, event = active(ACTIVATION)
    assert refusal(inbox, event) == ("VERSION_BASE_MISMATCH", "never")


MARCH = dt.date(2025, 3, 1)
ADDED = {"po": "A", "measure": "time", "from": MARCH, "to": END, "ssp": 50, "ssp_per": "month"}
AMENDED = {"at": MARCH, "type": "contract_amended", "price_change": 300, "add": [ADDED]}

AMENDMENTS = {
    "wrong base": (lambda e: replace(e, base_version=7), "VERSION_BASE_MISMATCH"),
    "action that no rule covers": (lambda e: replace(e, actions=("bundle_swap",)), "MOD_UNSUPPORTED"),
    "not approved": (lambda e: replace(e, approved_date=None), "MOD_PENDING"),
    "not enforceable": (lambda e: replace(e, enforceable=False), "MOD_PENDING"),
    "a credit below zero": (lambda e: replace(e, past_credit_minor=-1), "VALUE_INVALID"),
    "a credit too large": (lambda e: replace(e, past_credit_minor=2**63 - 1), "VALUE_INVALID"),
    "price open": (lambda e: replace(e, price_status="open"), "MOD_PRICE_OPEN"),
    "an estimate of a fixed price": (lambda e: replace(e, price_estimate_minor=1), "VALUE_INVALID"),
    "an estimate too large": (
        lambda e: replace(e, price_status="open", price_estimate_minor=1 - 2**63),
        "VALUE_INVALID",
    ),
    "a price status that is none": (lambda e: replace(e, price_status="maybe"), "VALUE_INVALID"),
    "a price of a line too large": (
        lambda e: replace(e, change=(LineChange("S", price_change_minor=1 - 2**63),)),
        "VALUE_INVALID",
    ),
    "another currency": (lambda e: replace(e, currency="EUR"), "CURRENCY_MIXED"),
    "negative quantity": (lambda e: replace(e, add=(replace(e.add[0], quantity=-1),)), "VALUE_INVALID"),
    "a line id in use": (lambda e: replace(e, add=(replace(e.add[0], po="S"),)), "VALUE_INVALID"),
    "SSP missing": (lambda e: replace(e, add=(replace(e.add[0], ssp_minor=None),)), "SSP_MISSING"),
    "unmapped product": (lambda e: replace(e, add=(replace(e.add[0], product="NONE"),)), "PRODUCT_UNMAPPED"),
    "line unknown": (lambda e: replace(e, remove=("GHOST",)), "EVIDENCE_UNKNOWN_PO"),
    "takes back more than is left": (
        lambda e: replace(e, price_change_minor=-(10**9)),
        "MOD_NEGATIVE_REMAINING",
    ),
    "before the contract": (
        lambda e: replace(
            e, approved_date=0, envelope=replace(e.envelope, effective_date=0), price_change_minor=1
        ),
        "DATES_INVALID",
    ),
}


@pytest.mark.parametrize("what", AMENDMENTS)
def test_a_bad_amendment_is_refused_by_its_code(what):
    spoil, code = AMENDMENTS[what]
    inbox, event = active(AMENDED)
    assert refusal(inbox, spoil(event))[0] == code


def test_an_amendment_dated_before_a_later_one_of_the_same_line_overlaps():
    change = {"type": "contract_amended", "change": [{"po": "S", "price_change": 0}]}
    inbox, event = active({"at": dt.date(2025, 6, 1), **change}, {"at": MARCH, **change})
    assert refusal(inbox, event)[0] == "MOD_OVERLAP"
    inbox, event = active({"at": dt.date(2025, 6, 1), **change}, {**AMENDED, "price_change": 1})
    assert decide(inbox.state, event, inbox.view(), CAUSE).outcome == "applied"


def test_more_of_a_line_at_its_own_price_that_comes_as_a_change_is_prospective():
    lines = [
        {"po": "S", "measure": "time", "from": YEAR, "to": END, "qty": 10, "ssp": 100, "ssp_per": "month"}
    ]
    activation = {"at": YEAR, "type": "contract_activated", "price": 12000, "lines": lines}
    change = {"po": "S", "qty": 12, "price_change": 2000}
    amended = {"at": MARCH, "type": "contract_amended", "price_change": 2000, "change": [change]}
    first, second = Given({"events": [activation, amended], "expect": {}}).steps()
    inbox = Inbox(reference())
    inbox.deliver(first)
    inbox.deliver(second)
    assert [each.treatment for each in inbox.recorded] == ["prospective"]
    assert inbox.refusals == []


def test_nothing_follows_a_cancellation_and_two_arrangements_need_a_split():
    cancelled = {"at": dt.date(2025, 7, 1), "type": "contract_cancelled", "price_change": -1}
    inbox, event = active(cancelled, {**AMENDED, "at": dt.date(2025, 8, 1)})
    assert refusal(inbox, event)[0] == "MOD_UNSUPPORTED"
    inbox, event = active({**AMENDED, "price_change": 500}, cancelled)
    assert inbox.recorded[0].treatment == "separate"
    assert refusal(inbox, event)[0] == "MOD_SPLIT_MISSING"
    assert refusal(inbox, replace(event, price_change_minor=5))[0] == "VALUE_INVALID"
    assert refusal(inbox, replace(event, approved_date=None))[0] == "MOD_PENDING"


def test_a_renewal_that_is_not_approved_waits():
    line = {"po": "R", "measure": "time", "from": dt.date(2026, 1, 1), "to": dt.date(2026, 12, 31)}
    renewed = {"at": dt.date(2026, 1, 1), "type": "contract_renewed", "price": 1200, "lines": [line]}
    inbox, event = active(renewed)
    assert refusal(inbox, replace(event, approved_date=None))[0] == "MOD_PENDING"


INVOICED = {"at": MARCH, "type": "invoice_posted", "id": "I1", "amount": 100, "tax": 20}
MEMO = {"at": MARCH, "type": "credit_memo_issued", "id": "M1", "amount": 10, "reason": "rebate"}
FACTS = {
    "invoice in no currency": (INVOICED, lambda e: replace(e, currency="ABC"), "VALUE_INVALID", "never"),
    "invoice in another currency": (INVOICED, lambda e: replace(e, currency="EUR"), "CURRENCY_MIXED", "never"),
    "negative invoice": (INVOICED, lambda e: replace(e, amount_minor=-1), "VALUE_INVALID", "never"),
    "invoice due before it is": (INVOICED, lambda e: replace(e, due_date=0), "DATES_INVALID", "never"),
    "part 3 of 2": (
        INVOICED,
        lambda e: replace(e, part_number=3, part_count=2),
        "VALUE_INVALID",
        "never",
    ),
    "lines that do not add up": (
        INVOICED,
        lambda e: replace(e, lines=(DocumentLine("S", 1, 0),)),
        "AMOUNT_MISMATCH",
        "never",
    ),
    "invoice of a line to come": (
        INVOICED,
        lambda e: replace(e, lines=(DocumentLine("A", e.amount_minor, e.tax_minor),)),
        "EVIDENCE_UNKNOWN_PO",
        "version",
    ),
    "invoice of another entity": (
        INVOICED,
        lambda e: replace(e, envelope=replace(e.envelope, legal_entity="UK")),
        "ENTITY_UNRESOLVED",
        "never",
    ),
    "memo that settles nothing": (
        MEMO,
        lambda e: replace(e, reason="settles_modification"),
        "CREDIT_UNREFERENCED",
        "never",
    ),
    "memo that settles a version to come": (
        MEMO,
        lambda e: replace(e, reason="settles_modification", modification_version=2),
        "CREDIT_UNREFERENCED",
        "version",
    ),
    "no payment": (
        {"at": MARCH, "type": "payment_received", "amount": 1},
        lambda e: replace(e, amount_minor=0),
        "VALUE_INVALID",
        "never",
    ),
    "negative usage": (
        {"at": MARCH, "type": "usage_rated", "meter": "m", "amount": 1},
        lambda e: replace(e, quantity=-1),
        "VALUE_INVALID",
        "never",
    ),
    "usage reversed": (
        {"at": MARCH, "type": "usage_rated", "meter": "m", "amount": 1},
        lambda e: replace(e, usage_from=e.usage_to + 1),
        "DATES_INVALID",
        "never",
    ),
    "unknown meter": (
        {"at": MARCH, "type": "usage_rated", "meter": "x", "amount": 1},
        lambda e: e,
        "EVIDENCE_UNKNOWN_PO",
        "version",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FACTS)
def test_a_bad_fact_is_refused_by_its_code(what):
    described, spoil, code, retry = FACTS[what]
    inbox, event = active(described)
    assert refusal(inbox, spoil(event)) == (code, retry)


def test_a_document_number_that_is_taken_is_a_conflict():
    inbox, event = active(INVOICED, {**INVOICED, "at": dt.date(2025, 4, 1)})
    other = replace(event, envelope=replace(event.envelope, object_id="other"))
    assert refusal(inbox, other) == ("ID_CONFLICT", "never")


def test_a_document_without_a_line_needs_one_when_there_are_two_arrangements():
    inbox, event = active({**AMENDED, "price_change": 500}, INVOICED)
    assert refusal(inbox, event) == ("EVIDENCE_UNKNOWN_PO", "never")
    named = replace(event, lines=(DocumentLine("A", event.amount_minor, event.tax_minor),))
    decision = decide(inbox.state, named, inbox.view(), CAUSE)
    assert {line.arrangement for line in decision.state.documents.lines} == {"C1@2"}


def test_a_broken_invariant_gives_a_refusal_and_no_output(monkeypatch):
    def broken(*_):
        raise InvariantBroken("the books do not balance")

    inbox, event = active(INVOICED)
    monkeypatch.setattr(deciding, "check", broken)
    assert refusal(inbox, event) == ("INVARIANT_BROKEN", "never")
