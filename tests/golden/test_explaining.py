"""What ``--explain`` prints is what the agent computed, in the words of the standard."""

import pytest
from golden.scenario_files import SCENARIOS

from tieout.streams.operate.scenario.explaining import explained
from tieout.streams.operate.scenario.loading import read_text
from tieout.streams.operate.scenario.reading import Figures
from tieout.streams.operate.scenario.running import prepared


def explanation(name):
    steps, player = prepared(SCENARIOS[name])
    return "\n".join(explained(name, Figures(player.play(steps))))


def test_a_modification_is_explained_from_the_price_to_the_balances():
    text = explanation("netsuite-prospective-merge")
    for line in (
        "| 2025-07-01 | version 1, activate: consideration agreed at inception | 1,200.00 |",
        "| S | none needed: it shares its price with no other | 1,200.00 |",
        "- **S**: over time, by the service span (606-10-25-27(a), 25-31), 2025-09-01 to 2025-12-31, convention months_prorated",
        "  - progress of the amount in force: 2025-07 1/6, 2025-08 1/3, 2025-09 1/4, 2025-10 1/2, 2025-11 3/4, 2025-12 1",
        "- **version 2** on 2025-09-01: prospective",
        "  - 606-10-25-13(a)",
        "| not yet recognised, with the change: spread anew | 800.00 |",
        "| recognised before, and kept: S | 400.00 |",
        "| price that its progress applies to from now on: S | 800.00 |",
        "| 2025-08 | 1,200.00 | 400.00 | 0.00 | 0.00 | 400.00 | 0.00 | 800.00 |",
    ):
        assert line in text.splitlines(), text
    for heading in ("606-10-32-2", "606-10-25-14, 32-28", "606-10-25-23", "606-10-25-10", "606-10-45-1"):
        assert heading in text


def test_credits_usage_deliveries_and_exceptions_are_explained():
    credit = explanation("worked-refund-proportional.contra")
    assert (
        "allocated as its version was, and on through later ones (606-10-32-43..45), shown as contra_revenue.refunds | -600.00"
        in credit
    )
    usage = explanation("worked-rated-usage")
    assert "| as it occurs | usage, priced as it is used (606-10-32-40) |" in usage
    assert "- **U**: usage, priced as it is used (606-10-32-40)" in usage
    assert "by units transferred (606-10-55-17), 120 in all" in explanation("fasb-ex5a-mod-separate-contract")
    waiting = explanation("worked-memo-without-a-reason")
    assert "- CREDIT_REASON_UNKNOWN (billing operations): credit memo" in waiting


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_that_runs_can_be_explained_and_its_tables_are_whole(name):
    lines = explanation(name).splitlines()
    assert lines[0] == f"## {name}"
    width = None
    for line in lines:
        width = (width or line.count("|")) if line.startswith("|") else None
        assert width is None or line.count("|") == width, line


def test_an_arrangement_is_explained_by_its_own_facts():
    activated = "{at: 2025-01-01, type: contract_activated, contract: %s, price: 1200, lines: [{po: %s, measure: time, from: 2025-01-01, to: 2025-12-31}, {po: %s, measure: usage, meter: %s}]}"
    events = [
        activated % ("C1", "S1", "U1", "m1"),
        activated % ("C2", "S2", "U2", "m2"),
        "{at: 2025-02-01, type: credit_memo_issued, contract: C1, id: M1, amount: 60, reason: rebate, po: S1}",
        "{at: 2025-02-01, type: usage_rated, contract: C1, meter: m1, amount: 5}",
    ]
    text = "- scenario: two\n  expect: {}\n  events:\n" + "".join(f"  - {each}\n" for each in events)
    (given,) = read_text(text, "a.yaml")
    steps, player = prepared(given)
    first, second = "\n".join(explained("two", Figures(player.play(steps)))).split("### Arrangement ")[1:]
    for words in ("-60.00", "as it occurs", "**S1**"):
        assert words in first
        assert words not in second
    assert "**S2**" in second


def test_a_contract_that_was_not_accepted_is_told():
    gated = "lines: [{po: S, measure: percent, gate: acceptance}]"
    event = f"{{at: 2025-01-01, type: contract_activated, price: 1, {gated}}}"
    (given,) = read_text(f"- scenario: none\n  expect: {{}}\n  events: [{event}]\n", "a.yaml")
    steps, player = prepared(given)
    text = "\n".join(explained("none", Figures(player.play(steps))))
    assert "No contract was accepted" in text
    assert "- EVENT_UNSUPPORTED (integration):" in text


def test_what_stays_as_it_is_is_said_once():
    lines = explanation("rule-prepaid-credits-breakage").splitlines()
    assert "  - progress of the amount in force: 2025-01 1/2, 2025-02 1" in lines
    quiet = explanation("fasb-ex6-mod-then-variable-estimate-change").splitlines()
    assert "  - progress of the amount in force: 2020-07 0, 2020-11 0, 2020-12 0, 2021-03 1" in quiet
    assert "| 2020-12 to 2021-02 | 1,540.00 | 620.00 | 0.00 | 0.00 | 620.00 | 0.00 | 920.00 |" in quiet
    assert not [line for line in quiet if line.startswith("| 2021-01 |")]


def test_a_pause_is_told_in_days_and_words():
    lines = explanation("derived-suspension").splitlines()
    assert lines.count("| first day of the pause | 2025-04-16 |") == 1
    assert "| last day of the pause | 2025-05-15 |" in lines
    assert "| service rests as well | yes |" in lines
    assert "| last day of the pause | not known yet |" in explanation("worked-pause-of-billing-alone")


def test_postings_in_another_functional_currency_are_told():
    event = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]}"
    rates = "rates: [{date: 2025-01-01, from: EUR, to: USD, type: spot, rate: 1.1}, {date: 2025-01-31, from: EUR, to: USD, type: spot, rate: 1.2}]"
    invoice = "{at: 2025-01-01, type: invoice_posted, amount: 1200}"
    given = f"- scenario: fx\n  currency: EUR\n  entities: {{US: {{functional: USD}}}}\n  {rates}\n  expect: {{}}\n"
    (read,) = read_text(f"{given}  events: [{event}, {invoice}]\n", "a.yaml")
    steps, player = prepared(read)
    lines = list(explained("fx", Figures(player.play(steps))))
    assert "**Posted by US in USD (ASC 830-10-35, 45-17)**" in lines
    assert "| 2025-01 | revenue | 110.00 |" in lines  # 100 EUR out of a liability of 1,200 that came at 1.1
    assert "Posted by" not in explanation("netsuite-prospective-merge")
    dollars = event.replace("price: 1200", "contract: C2, currency: USD, price: 1200").replace(
        "po: S", "po: T"
    )
    (read,) = read_text(f"{given}  events: [{event}, {invoice}, {dollars}]\n", "a.yaml")
    steps, player = prepared(read)
    both = list(explained("fx", Figures(player.play(steps))))
    assert "| 2025-01 | revenue | 210.00 |" in both  # and 100 USD of the other contract, as they are


def test_postings_whose_rate_is_missing_are_told_by_what_is_missing():
    event = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]}"
    invoice = "{at: 2025-01-01, type: invoice_posted, amount: 1200}"
    given = "- scenario: fx\n  currency: EUR\n  entities: {US: {functional: USD}}\n  expect: {}\n"
    (read,) = read_text(f"{given}  events: [{event}, {invoice}]\n", "a.yaml")
    steps, player = prepared(read)
    text = "\n".join(explained("fx", Figures(player.play(steps))))
    assert "Not to be told: a.yaml, fx, rates: has no spot rate from EUR to USD by 2025-01-01" in text
