"""What the generator tells keeps to the rules of the books, so that every difference of a run is the run's."""

import time
from collections import defaultdict

import pytest
from oracle.contract_facts import arrangements_of
from oracle.expected import expect, expect_groups
from oracle.fold import Books
from oracle.saying import day

from tieout.avro import events as said
from tieout.streams.operate.generate import SCENARIOS, generate

MONTH_ENDS = [day(f"2025-{month:02}-01") - 1 for month in range(2, 13)] + [day("2025-12-31")]


def told(scenario, contracts, seed):
    for group in generate(scenario, contracts, seed).groups():
        by_contract = defaultdict(list)
        for event in group.applied():
            by_contract[event.envelope.contract_id].append(event)
        yield from by_contract.values()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_billed_or_earned_over_the_price_on_any_month_end(scenario):
    for events in told(scenario, 400, 1):
        for arrangement in arrangements_of(events):
            books = Books(arrangement)
            for end in MONTH_ENDS:
                balance = books.on(end)
                assert balance.due <= balance.price + books._taken_back(end), arrangement.id
                assert 0 <= balance.revenue <= balance.price, arrangement.id
                assert all(amount >= 0 for amount in books.revenue_by_obligation(end).values()), (
                    arrangement.id
                )


def test_the_books_balance_whatever_the_day():
    for events in told("day", 300, 2):
        for arrangement in arrangements_of(events):
            for end in MONTH_ENDS:
                balance = Books(arrangement).on(end)
                held = balance.contract_liability + balance.refund_liability - balance.contract_asset
                assert held + balance.revenue == balance.due
                assert not (balance.contract_liability and balance.contract_asset)


def test_both_treatments_renewals_and_cancellations_occur():
    opened = defaultdict(int)
    for events in told("day", 2_000, 1):
        arrangements = arrangements_of(events)
        renewals = sum(isinstance(each, said.ContractRenewed) for each in events)
        opened["separate"] += len(arrangements) - 1 - renewals
        opened["renewed"] += renewals
        opened["prospective"] += any(
            version.number > 1 and version.ends is None and version.number < 10**6
            for arrangement in arrangements[:1]
            for version in arrangement.versions
        )
        opened["cancelled"] += any(isinstance(each, said.ContractCancelled) for each in events)
        opened["advances"] += any(arrangement.advances for arrangement in arrangements)
    assert min(opened.values()) > 10, dict(opened)


def test_the_order_in_which_facts_are_told_does_not_matter():
    for events in told("day", 200, 3):
        forward = [Books(each).on(MONTH_ENDS[8]) for each in arrangements_of(events)]
        assert forward == [Books(each).on(MONTH_ENDS[8]) for each in arrangements_of(reversed(events))]


def test_every_kind_of_command_and_class_of_account_is_expected_somewhere():
    expected = expect(generate("day", 1_000, 1), day("2025-12-31"))
    assert {kind for _, kind, _ in expected.commands} == {
        "customer.upsert",
        "sales_order.create",
        "sales_order.update",
        "sales_order.cancel",
        "invoice.create",
        "credit_memo.create",
    }
    booked = {ledger_class for (_, ledger_class, _), amount in expected.amounts.items() if amount}
    assert booked == {
        "revenue",
        "contract_liability",
        "contract_asset",
        "refund_liability",
        "accounts_receivable",
        "tax_payable",
    }


def test_without_mirrored_documents_journals_alone_carry_the_liability():
    generation = generate("day", 200, 1, mirrored=frozenset())
    expected = expect(generation, day("2025-09-30"))
    assert not expected.documents
    for contract, (_, _, currency) in expected.contracts.items():
        amounts = {
            name: expected.amounts[contract, name, currency]
            for name in ("revenue", "contract_liability", "contract_asset", "refund_liability")
        }
        credited = amounts["revenue"] + amounts["contract_liability"] + amounts["refund_liability"]
        assert credited == amounts["contract_asset"], "each journal balances, so their sum does"


def test_twenty_thousand_contracts_are_judged_in_less_than_thirty_seconds():
    groups = list(generate("day", 1_000, 1).groups())
    started = time.process_time()
    expect_groups(groups, day("2025-09-30"), frozenset({"US"}))
    assert time.process_time() - started < 1
