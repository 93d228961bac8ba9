"""Other currencies and other entities through decide: what waits for a rate, what rests on which, what is refused."""

import datetime as dt
from decimal import Decimal

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.intercompany import split_claims
from tieout.agents.contracts.invariants import check_whole
from tieout.agents.contracts.journals import Line
from tieout.avro.commands import CustomerUpsert, JournalPost
from tieout.avro.control import ReferenceActivated
from tieout.avro.reference import (
    IntercompanyAgreementPublished,
    PolicyPublished,
    PolicySwitch,
    ReferenceHeader,
)
from tieout.tables.reference import Reference

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 800}
OTHER = {"po": "T", "measure": "time", "from": YEAR, "to": END, "ssp": 400, "entity": "UK"}
SPOT = {"date": YEAR, "from": "EUR", "to": "USD", "type": "spot", "rate": Decimal("1.1")}
AVERAGE = {**SPOT, "date": dt.date(2025, 2, 28), "type": "average", "rate": Decimal("1.2")}
CLOSING = {**SPOT, "date": dt.date(2025, 2, 28), "type": "closing", "rate": Decimal("1.25")}
ENTITIES = {"US": {"functional": "USD"}, "UK": {"functional": "USD"}}


def given(*rates, lines=(LINE,), invoiced=100, **keys):
    events = [{"at": YEAR, "type": "contract_activated", "price": 1200, "lines": list(lines)}]
    if invoiced:
        events.append({"at": YEAR, "type": "invoice_posted", "id": "I1", "amount": invoiced})
    return Given({"events": events, "expect": {}, "rates": list(rates), **keys})


def played(scenario, through="2025-02"):
    inbox = Inbox(scenario.reference())
    for step in scenario.steps():
        inbox.deliver(step)
    assert inbox.refusals == []
    if through:
        inbox.run(day_of(through))
    return inbox


def activate(inbox, scenario):
    """Reference data as of another scenario, in force from here on."""
    inbox.reference = scenario.reference()
    inbox.mark(lambda header: ReferenceActivated(header, inbox.reference.cut))


def journals(inbox, since=0):
    return [each for each in inbox.commands[since:] if isinstance(each, JournalPost)]


def functional(inbox, since=0):
    """Posting period -> class -> functional amount, debits positive."""
    found = {}
    for journal in journals(inbox, since):
        for line in journal.lines:
            classes = found.setdefault(journal.header.posting_period, {})
            moved = line.functional_debit_minor - line.functional_credit_minor
            classes[line.account_class] = classes.get(line.account_class, 0) + moved
    return found


def test_a_period_waits_for_its_rate_and_goes_out_when_the_rate_is_activated():
    inbox = played(given(SPOT, currency="EUR"))
    assert list(functional(inbox)) == ["2025-01"]
    assert [(item.code, item.status) for item in inbox.exceptions] == [("FX_RATE_MISSING", "open")]
    assert "average rate from EUR to USD" in inbox.exceptions[0].detail
    before = len(inbox.commands)
    activate(inbox, given(SPOT, AVERAGE, currency="EUR"))
    assert functional(inbox, before) == {}, "the closing rate is missing still"
    assert len(inbox.exceptions) == 1, "told once"
    activate(inbox, given(SPOT, AVERAGE, CLOSING, currency="EUR"))
    assert functional(inbox, before) == {
        "2025-02": {"revenue": -12000, "contract_asset": 12500, "fx_gain": -500}
    }
    assert [(item.code, item.status) for item in inbox.exceptions[1:]] == [("FX_RATE_MISSING", "resolved")]
    assert inbox.state.group.open_items == ()
    check_whole(inbox.state, inbox.view())


def test_what_comes_while_a_period_waits_comes_to_the_same_in_the_end():
    """An invoice, a run and a further run between: in the end the ledger is that of rates known from the start."""
    scenario = given(SPOT, AVERAGE, CLOSING, currency="EUR", invoiced=0)
    late = list(given(SPOT, currency="EUR").steps())[1]
    inbox = played(given(SPOT, currency="EUR", invoiced=0), None)
    inbox.run(day_of("2025-01"))
    inbox.deliver(late)
    inbox.run(day_of("2025-02"))
    activate(inbox, scenario)
    known = played(scenario, None)
    known.deliver(late)
    known.run(day_of("2025-02"))
    assert inbox.state.ledger == known.state.ledger
    assert inbox.state.group.open_items == known.state.group.open_items == ()


def test_each_line_names_the_rates_that_it_rests_on_with_their_versions():
    inbox = played(given(SPOT, AVERAGE, CLOSING, currency="EUR"))
    january, february = journals(inbox)
    assert (january.fx.rate, january.fx.rate_scale, january.fx.rate_type, january.fx.rate_version) == (
        11,
        1,
        "spot",
        1,
    )
    assert january.fx.rate_date == (YEAR - dt.date(1970, 1, 1)).days
    assert february.fx is None, "two rates: its revenue events name them"
    pins = {(each.period, each.kind): each.pins[1:] for each in inbox.revenue if len(each.pins) > 1}
    assert pins["2025-01", "recognised"] == ("fx_rate/EUR/USD/spot/2025-01-01@1",)
    assert [pin.split("/")[3] for pin in pins["2025-02", "fx"]] == ["average", "closing"]
    amounts = {(each.period, each.kind): each.functional_amount_minor for each in inbox.revenue}
    assert amounts["2025-02", "recognised"] == 12000
    assert amounts["2025-02", "fx"] == 500


def test_a_corrected_rate_is_translated_anew_and_the_difference_goes_to_the_open_period():
    inbox = played(given(SPOT, AVERAGE, CLOSING, currency="EUR"))
    inbox.close("2025-02")
    before = len(inbox.commands)
    activate(inbox, given(SPOT, AVERAGE, CLOSING, {**CLOSING, "rate": Decimal("1.3")}, currency="EUR"))
    assert functional(inbox, before) == {"2025-03": {"contract_asset": 500, "fx_gain": -500}}
    (journal,) = journals(inbox, before)
    assert {(line.debit_minor, line.credit_minor, line.service_period) for line in journal.lines} == {
        (0, 0, "2025-02")
    }


def test_a_contract_in_the_entitys_own_currency_says_nothing_of_exchange():
    inbox = played(given(SPOT))
    assert {line.functional_debit_minor for journal in journals(inbox) for line in journal.lines} == {None}
    assert {journal.fx for journal in journals(inbox)} == {None}
    assert all(
        series.functional == () for account in inbox.state.ledger.accounts for series in account.series
    )


def test_a_claim_stands_in_the_books_of_both_and_names_its_mirror():
    inbox = played(given(lines=(LINE, OTHER), entities=ENTITIES))
    claims = [each for each in journals(inbox) if each.journal_type == "intercompany"]
    assert [each.header.entity for each in claims] == ["US", "UK"]
    assert len({each.mirror_id for each in claims}) == 1
    assert claims[0].mirror_id
    lines = [
        (line.account_class, line.debit_minor, line.credit_minor) for each in claims for line in each.lines
    ]
    assert sorted(lines[:2]) == [("contract_liability", 3333, 0), ("intercompany_payable", 0, 3333)]
    assert sorted(lines[2:]) == [("contract_liability", 0, 3333), ("intercompany_receivable", 3333, 0)]
    assert claims[0].lines[1].dimensions == ("intercompany=UK",)
    assert claims[0].lines[1].po is None
    assert {each.mirror_id for each in journals(inbox) if each not in claims} == {None}
    check_whole(inbox.state, inbox.view())


def rows(scenario, *changed, without=()):
    """The rows of a scenario with others in their place, or without some, by (kind, id)."""
    named = {(row.header.kind, row.header.id): row for row in scenario.rows()}
    named.update({(row.header.kind, row.header.id): row for row in changed})
    return Reference.of([row for key, row in named.items() if key not in without], 0)


def agreement(**fields):
    header = ReferenceHeader("t", "intercompany_agreement", "US/UK", 1, -800_000)
    return IntercompanyAgreementPublished(
        header, "US", "UK", **{"model": None, "share_ppm": None, "margin_ppm": 0, **fields}
    )


SHARED = given(lines=(LINE, OTHER), entities=ENTITIES)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (lambda: rows(SHARED, without=[("entity", "UK")]), "ENTITY_UNRESOLVED"),
        (lambda: rows(SHARED, without=[("account", "UK/intercompany_receivable")]), "ACCOUNT_UNMAPPED"),
        (lambda: rows(SHARED, without=[("account", "UK/revenue")]), "ACCOUNT_UNMAPPED"),
        (lambda: rows(SHARED, without=[("account", "US/intercompany_payable")]), "ACCOUNT_UNMAPPED"),
        (lambda: rows(SHARED, agreement(margin_ppm=100_000)), "POLICY_MISSING"),
        (lambda: rows(SHARED, agreement(share_ppm=500_000)), "POLICY_MISSING"),
        (lambda: rows(SHARED, agreement(model="by_hand")), "POLICY_MISSING"),
        (
            lambda: rows(given(lines=(LINE, OTHER), entities={**ENTITIES, "UK": {"functional": "GBP"}}), without=[("account", "UK/fx_gain")]),
            "ACCOUNT_UNMAPPED",
        ),
        (
            lambda: rows(given(lines=(LINE, OTHER), entities=ENTITIES, policy={"credit_effect.sla_credit": {"reach": "performed", "contra": "x"}})),
            "POLICY_MISSING",
        ),
        (
            lambda: rows(given(lines=(LINE, OTHER), entities=ENTITIES, policy={"contra_accounts": "by_reason"})),
            "POLICY_MISSING",
        ),
    ],
)  # fmt: skip
def test_a_line_of_another_entity_waits_by_name_for_what_its_books_need(reference, code):
    inbox = Inbox(reference())
    inbox.deliver(next(iter(SHARED.steps())))
    assert [each for each, _ in inbox.refusals] == [code]
    assert inbox.state.group.arrangements == ()


def test_a_contract_in_another_currency_needs_an_account_for_exchange_gains():
    scenario = given(SPOT, currency="EUR")
    inbox = Inbox(rows(scenario, without=[("account", "US/fx_gain")]))
    inbox.deliver(next(iter(scenario.steps())))
    assert [each for each, _ in inbox.refusals] == ["ACCOUNT_UNMAPPED"]


def test_an_agreement_between_two_entities_says_when_there_is_a_claim():
    inbox = Inbox(rows(SHARED, agreement(model="at_recognition")))
    for step in SHARED.steps():
        inbox.deliver(step)
    inbox.run(day_of("2025-01"))
    (claim, _) = [each for each in journals(inbox) if each.journal_type == "intercompany"]
    assert {line.debit_minor + line.credit_minor for line in claim.lines} == {3333}, "a twelfth of 400"


def test_the_customer_is_made_known_where_another_entity_has_an_erp_account_of_its_own():
    uk = next(row for row in SHARED.rows() if (row.header.kind, row.header.id) == ("entity", "UK"))
    account = next(row for row in SHARED.rows() if row.header.kind == "erp_account")
    second = replace(account, header=replace(account.header, id="erp2"), erp_account="erp2")
    inbox = Inbox(rows(SHARED, replace(uk, erp_account="erp2"), second))
    for step in SHARED.steps():
        inbox.deliver(step)
    inbox.run(day_of("2025-01"))
    inbox.run(day_of("2025-02"))
    upserts = [each for each in inbox.commands if isinstance(each, CustomerUpsert)]
    assert [(each.header.erp_account, each.header.entity) for each in upserts] == [
        ("erp", "US"),
        ("erp2", "UK"),
    ]
    theirs = [each for each in journals(inbox) if each.header.entity == "UK"]
    assert [each.header.after for each in theirs][:2] == [(upserts[1].header.command_id,)] * 2
    assert {each.header.erp_account for each in theirs} == {"erp2"}
    assert [each.header.lane_seq for each in theirs] == list(range(1, len(theirs) + 1))


def test_an_entity_is_run_by_itself_and_the_other_catches_up():
    inbox = played(SHARED, None)
    inbox.run(day_of("2025-01"), entity="UK")
    assert {each.header.entity for each in journals(inbox)} == {"UK"}
    inbox.run(day_of("2025-01"))
    both = played(SHARED, "2025-01")
    assert inbox.state.ledger == both.state.ledger
    check_whole(inbox.state, inbox.view())


def test_late_effects_that_would_have_to_wait_are_refused_where_they_cannot():
    scenario = given(SPOT, AVERAGE, CLOSING, currency="EUR", policy={"late_effects": "withhold_all"})
    inbox = played(
        given(SPOT, AVERAGE, CLOSING, currency="EUR", invoiced=0, policy={"late_effects": "withhold_all"}),
        None,
    )
    inbox.close("2025-01")
    inbox.run(day_of("2025-02"))
    inbox.deliver(list(scenario.steps())[1])
    assert [code for code, _ in inbox.refusals] == ["POLICY_MISSING"]


def test_claims_are_journals_of_their_own_and_the_rest_is_revenue():
    lines = [
        Line(1, "contract_liability", "", 100 - 30, 200 - 60),
        Line(1, "intercompany_payable", "UK", 30, 60),
        Line(1, "revenue", "S", -70, -140),
        Line(2, "intercompany_payable", "DE", 5, None),
    ]
    assert list(split_claims(sorted(lines))) == [
        ("DE", [Line(2, "contract_liability", "", -5), Line(2, "intercompany_payable", "DE", 5)]),
        ("UK", [Line(1, "contract_liability", "", -30, -60), Line(1, "intercompany_payable", "UK", 30, 60)]),
        (
            "",
            [
                Line(1, "contract_liability", "", 100, 200),
                Line(1, "revenue", "S", -70, -140),
                Line(2, "contract_liability", "", 5),
            ],
        ),
    ]


def further(inbox, name="ifrs"):
    return [each for each in journals(inbox) if each.header.book == name]


def in_books(scenario, *switches):
    """The scenario's rows with a second book under these switches."""
    us = next(row for row in scenario.rows() if (row.header.kind, row.header.id) == ("entity", "US"))
    own = (*us.policy, PolicySwitch("books", "primary,ifrs"))
    header = ReferenceHeader("t", "policy", "US/ifrs", 1, -800_000)
    return rows(
        scenario,
        replace(us, policy=own),
        PolicyPublished(header, "US", "ifrs", (*own, *switches), "controller"),
    )


def run_in_books(scenario, *switches):
    inbox = Inbox(in_books(scenario, *switches))
    for step in scenario.steps():
        inbox.deliver(step)
    assert inbox.refusals == []
    inbox.run(day_of("2025-02"), book="primary")
    assert further(inbox) == [], "a run of one book is none of another"
    inbox.run(day_of("2025-02"), book="*")
    check_whole(inbox.state, inbox.view())
    return inbox


def test_a_second_book_has_its_own_policy_and_its_own_ledger():
    rates = (SPOT, {**SPOT, "date": dt.date(2025, 2, 1), "rate": Decimal(2)})
    scenario = given(*rates, currency="EUR", invoiced=150)
    second = {"at": dt.date(2025, 2, 1), "type": "invoice_posted", "id": "I2", "amount": 150}
    scenario = Given({**scenario.data, "events": [*scenario.data["events"], second]})
    inbox = run_in_books(scenario, PolicySwitch("cl_lots", "weighted_average"))
    revenue = {
        (each.book, each.period): each.functional_amount_minor
        for each in inbox.revenue
        if each.kind == "recognised"
    }
    # 50 at 1.1 are left and 150 at 2: first in first out 55 + 100, together 355 x 100 / 200
    assert revenue == {
        ("primary", "2025-01"): 11000,
        ("ifrs", "2025-01"): 11000,
        ("primary", "2025-02"): 15500,
        ("ifrs", "2025-02"): 17750,
    }
    accounts = {account.book: account for account in inbox.state.ledger.accounts}
    assert set(accounts) == {"primary", "ifrs"}
    assert {each.movements for each in accounts["ifrs"].series} == {
        each.movements for each in accounts["primary"].series
    }


def test_a_second_book_in_one_currency_says_the_same_under_its_own_name():
    inbox = run_in_books(given(entities={"US": {"functional": "USD"}}))
    lines = [
        {
            (line.account_class, line.service_period, line.debit_minor, line.credit_minor)
            for journal in book
            for line in journal.lines
        }
        for book in (further(inbox), further(inbox, "primary"))
    ]
    assert lines[0] == lines[1] != set()


@pytest.mark.parametrize("switch", [PolicySwitch("convention", "days"), PolicySwitch("cl_lots", "lifo")])
def test_a_book_that_differs_where_no_rule_is_built_is_refused_by_name(switch):
    scenario = given(entities={"US": {"functional": "USD"}})
    inbox = Inbox(in_books(scenario, switch))
    inbox.deliver(next(iter(scenario.steps())))
    assert [code for code, _ in inbox.refusals] == ["POLICY_MISSING"]


def test_a_book_without_a_policy_is_refused_by_name():
    scenario = given(entities={"US": {"functional": "USD"}})
    kept = [row for row in in_books(scenario)._rows.items() if row[0] is not PolicyPublished]
    inbox = Inbox(
        Reference.of([row for _, by_key in kept for versions in by_key.values() for row in versions], 0)
    )
    inbox.deliver(next(iter(scenario.steps())))
    assert [code for code, _ in inbox.refusals] == ["POLICY_MISSING"]
