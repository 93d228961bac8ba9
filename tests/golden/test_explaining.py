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
        "| S | 1.00 for the whole | 1,200.00 |",
        "- **S**: over time, by the service span (606-10-25-27(a), 25-31), 2025-09-01 to 2025-12-31, convention months_prorated",
        "  - progress of the amount in force: 2025-07 1/6, 2025-08 1/3, 2025-09 1/4, 2025-10 1/2, 2025-11 3/4, 2025-12 1",
        "- **version 2** on 2025-09-01: prospective",
        "  - 606-10-25-13(a)",
        "| not yet recognised, with the change | 800.00 |",
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
        "enters the price at inception and flows on (606-10-32-43), shown as contra_revenue.refunds | -600.00"
        in credit
    )
    assert "usage, priced as it is used (606-10-32-40)" in explanation("worked-rated-usage")
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
    for words in ("-60.00", "usage, priced", "**S1**"):
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
