"""The verdict: each part finds what is not as expected, and says where."""

import pytest
from golden.scenario_files import SCENARIOS

from tieout.streams.operate.scenario.loading import Scenario, read_text
from tieout.streams.operate.scenario.running import run

ACTIVATED = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]}"
AMENDED = "{at: 2025-03-01, type: contract_amended, price_change: 100}"
UNEXPLAINED = "{at: 2025-03-01, type: credit_memo_issued, id: M1, amount: 10}"
PROSPECTIVE = "remaining goods or services are distinct from those transferred, 606-10-25-13(a)"
JOURNAL = "{kind: journal.post, period: 2025-01, lines: [{class: contract_asset, debit: 100}, {class: revenue, po: S, service: 2025-01, credit: 100}]}"


def differences(expect, *events, **keys):
    lines = ["- scenario: one", f"  expect: {expect}", *(f"  {key}: {value}" for key, value in keys.items())]
    text = "\n".join([*lines, "  events:", *(f"  - {event}" for event in (ACTIVATED, *events))])
    (read,) = read_text(text, "a.yaml")
    result = run(read)
    assert result.wrong is None, result.wrong
    return [str(each) for each in result.found]


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("{allocation: {2025-03-01: {S: 1300}}}", []),
        ("{allocation: {2025-03-01: {S: 1301}}}", ["allocation 2025-03-01 S: wanted 1301, got 1300.00"]),
        ("{allocation: {2025-02-28: {S: 1300}}}", ["allocation 2025-02-28 S: wanted 1300, got 1200.00"]),
        ("{schedule: {S: {2025-Q1: 310, 2025-Q2: 330, 2025-07..2025-12: 660}}}", []),
        ('{schedule: {total: {"2025": 1300}}}', []),
        (
            "{schedule: {S: {2025-Q1: 310, 2025-Q2: 330, 2025-Q3: 330, P11: 110, M12: 110}}}",
            ["schedule S 2025-10 (not named): wanted 0, got 110.00"],
        ),
        ("{posted: {M01: {revenue: 100, contract_asset: 100, cash: 0}}}", []),
        ("{posted: {M01: {contract_asset: -100}}}", ["posted M01 contract_asset: wanted -100, got 100.00"]),
        ("{balances: {2025-03-01: {recognised: 203.55, rpo: 1096.45, transaction_price@C1@1: 1300}}}", []),
        ("{balances: {2025-02: {rpo: 1100}}}", ["balances 2025-02 rpo: wanted 1100, got 1000.00"]),
        (
            "{balances: {2025-02: {recognised@C1@2: 200}}}",
            ["balances 2025-02 recognised@C1@2: wanted 200, got 0.00"],
        ),
        ("{decisions: [{contract: C1, version: 2, at: 2025-03-01, treatment: prospective}]}", []),
        ("{decisions: []}", ["decisions count: wanted 0, got 1 (C1 version 2 prospective)"]),
        (
            "{decisions: [{treatment: separate}]}",
            ["decisions [0].treatment: wanted separate, got prospective"],
        ),
        ("{decisions: [{version: 3}]}", ["decisions [0].version: wanted 3, got 2"]),
        ("{decisions: [{contract: C2}]}", ["decisions [0].contract: wanted C2, got C1"]),
        ("{decisions: [{at: 2025-03-02}]}", ["decisions [0].at: wanted 2025-03-02, got 2025-03-01"]),
        (
            "{decisions: [{reasons: [why not]}]}",
            [f"decisions [0].reasons: wanted why not, got {PROSPECTIVE}"],
        ),
        ("{decisions: [{reasons: [606-10-25-13(a)]}]}", []),
        ("{exceptions: []}", []),
        ("{exceptions: [MOD_PENDING]}", ["exceptions codes: wanted MOD_PENDING, got none"]),
    ],
)
def test_a_part_compares_what_it_names_and_nothing_else(expect, found):
    assert differences(expect, AMENDED) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JOURNAL, []),
        (JOURNAL.replace("period: 2025-01", "entity: US, arrangement: C1@1, contract: C1"), []),
        (
            JOURNAL.replace("2025-01, lines", "2025-02, lines"),
            ["commands [0].period: wanted 2025-02, got 2025-01"],
        ),
        (JOURNAL.replace("period: 2025-01", "entity: UK"), ["commands [0].entity: wanted UK, got US"]),
        (
            JOURNAL.replace("debit: 100", "debit: 99"),
            [
                (
                    "commands [0].lines[0]: wanted {class: contract_asset, debit: 99}, "
                    "got no such line; left are {class: contract_asset, debit: 100.00}"
                )
            ],
        ),
        (
            JOURNAL.replace("service: 2025-01", "service: 2025-02"),
            [
                (
                    "commands [0].lines[1]: wanted {class: revenue, po: S, service: 2025-02, credit: 100}, "
                    "got no such line; left are {class: contract_asset, service: 2025-01, debit: 100.00}, "
                    "{class: revenue, po: S, service: 2025-01, credit: 100.00}"
                )
            ],
        ),
        (
            "{kind: journal.post, lines: [{class: revenue}, {class: revenue}]}",
            [
                (
                    "commands [0].lines[1]: wanted {class: revenue}, "
                    "got no such line; left are {class: contract_asset, debit: 100.00}"
                )
            ],
        ),
        (
            "{kind: journal.post, lines: [{credit: 100}, {class: revenue}, {debit: 100}]}",
            [
                (
                    "commands [0].lines[1]: wanted {class: revenue}, "
                    "got no such line; left are {class: contract_asset, debit: 100.00}"
                )
            ],
        ),
        ("{kind: journal.post, lines: [{debit: 0}, {debit: 100, class: contract_asset}]}", []),
        (
            JOURNAL.replace("}]", "}, {debit: 1}]"),
            ["commands [0].lines[2]: wanted {debit: 1}, got no such line; left are none"],
        ),
        (f"{JOURNAL}, {JOURNAL}", ["commands count: wanted 2, got 1 (journal.post 2025-01)"]),
    ],
)
def test_commands_are_compared_line_by_line_each_with_a_line_of_its_own(wanted, found):
    assert differences(f"{{commands: [{wanted}]}}", "{run: 2025-01}") == found


def test_of_the_lines_that_are_wanted_the_one_that_says_most_chooses_first():
    second = ACTIVATED.replace(
        "}]", ", ssp: 1}, {po: T, measure: time, from: 2025-01-01, to: 2025-12-31, ssp: 1}]"
    )
    wanted = "{kind: journal.post, lines: [{class: revenue}, {class: revenue, po: S2}]}"
    contract = second.replace("price", "contract: C2, price").replace("po: S,", "po: S2,")
    expect = f"{{commands: [{{kind: journal.post}}, {wanted}]}}"
    assert differences(expect, contract, "{run: 2025-01}") == []


def test_other_commands_are_compared_by_what_they_state():
    order = "{kind: sales_order.create, entity: US, version: 1, total: 1200, customer: CUST1, posting_date: 2025-01-01}"
    assert differences(f"{{commands: [{order}]}}") == []
    assert differences(f"{{commands: [{order.replace('1200', '1201')}]}}") == [
        "commands [0].total: wanted 1201, got 1200.00"
    ]
    mirrored = "{kind: invoice.create, invoice: I1, amount: 100, tax: 5, due: 2025-02-01, lines: [{po: S, amount: 100, tax: 5}]}"
    invoice = "{at: 2025-01-02, type: invoice_posted, id: I1, amount: 100, tax: 5, due: 2025-02-01, po: S}"
    keys = {"policy": "{ar_owner: billing_mirrored}"}
    assert differences(f"{{commands: [{mirrored}]}}", invoice, **keys) == []
    assert differences(f"{{commands: [{mirrored.replace('02-01', '02-02')}]}}", invoice, **keys) == [
        "commands [0].due: wanted 2025-02-02, got 2025-02-01"
    ]


def test_an_exception_can_be_asked_for_by_more_than_its_code():
    right = "{code: CREDIT_REASON_UNKNOWN, contract: C1, event: credit_memo_issued, owner: billing operations, severity: 2, amount: 10}"
    assert differences(f"{{exceptions: [{right}]}}", UNEXPLAINED) == []
    wrong = differences(f"{{exceptions: [{right.replace('C1', 'C2')}]}}", UNEXPLAINED)
    assert wrong == ["exceptions [0].contract: wanted C2, got C1"]


def test_an_exception_that_stays_open_counts_once():
    late = "{at: 2025-03-01, type: contract_amended, price_change: 1, approved: null}"
    assert differences("{exceptions: [MOD_PENDING]}", late, late, "{run: 2025-04}") == []


def test_a_tolerance_is_the_largest_difference_that_passes():
    expect = "{balances: {2025-02: {rpo: 1000.5}}}"
    assert differences(expect, tolerance="0.5") == []
    assert differences(expect, tolerance="0.49") == ["balances 2025-02 rpo: wanted 1000.5, got 1000.00"]


def test_only_the_first_difference_of_each_part_is_shown():
    (read,) = read_text(
        f"- scenario: one\n  events: [{ACTIVATED}]\n  expect: {{schedule: {{S: {{M01: 1, M02: 2}}}}}}\n",
        "a.yaml",
    )
    result = run(read)
    assert len(result.found) == 2
    assert [str(each) for each in result.differences] == ["schedule S M01: wanted 1, got 100.00"]
    assert list(result.lines())[1].endswith("got 100.00 (and 1 more in this part)")


def test_an_event_that_the_agent_cannot_take_at_all_is_a_difference(monkeypatch):
    monkeypatch.setattr("tieout.streams.operate.scenario.player.inbox_key", lambda *_: b"another")
    (found, *_) = differences("{}")
    assert found.startswith("events wrong_key: wanted an event that the agent takes")


@pytest.mark.parametrize(
    "amount", ["100000000000000.01", "92233720368547758.07", "92233720368547758.08", "1" + "0" * 30]
)
def test_an_amount_beyond_what_events_carry_is_refused_by_name_and_counts_nowhere(amount):
    paid = f"{{at: 2025-03-01, type: payment_received, amount: {amount}}}"
    refused = "{code: VALUE_INVALID, contract: C1, event: payment_received, owner: integration}"
    assert differences(f"{{exceptions: [{refused}], posted: {{M03: {{cash: 0}}}}}}", paid) == []


def test_amounts_beyond_what_events_carry_stand_among_the_other_exceptions_in_order():
    unknown = "{at: 2025-03-01, type: goods_delivered, po: NOPE}"
    large = "{at: 2025-03-01, type: invoice_posted, amount: 92233720368547758.08}"
    negative = "{at: 2025-03-01, type: payment_received, amount: -1}"
    codes = "[EVIDENCE_UNKNOWN_PO, {code: VALUE_INVALID, event: invoice_posted}, {code: VALUE_INVALID, event: payment_received}]"
    assert differences(f"{{exceptions: {codes}}}", unknown, large, negative) == []


def test_a_day_that_is_centuries_away_is_run_without_every_month_before_it():
    far = "{at: 9999-12-31, type: goods_delivered, po: S}"
    assert (
        differences(
            "{exceptions: [EVIDENCE_UNKNOWN_PO], schedule: {S: {2025: 1200}}}", far.replace("po: S", "po: X")
        )
        == []
    )


def test_lines_that_do_not_add_up_are_refused_by_the_agent():
    billed = "{at: 2025-03-01, type: invoice_posted, amount: 2, lines: [{po: S, amount: 1}]}"
    assert differences("{exceptions: [AMOUNT_MISMATCH], balances: {M03: {due: 0}}}", billed) == []


@pytest.mark.parametrize(
    ("bands", "found"),
    [
        ('{"2025": 600, 2025-Q3: 300, 2025-07..2025-08: 200, M12: 100, "2026": 0}', []),
        ('{"2025": 500}', ["rpo_bands 2025-06 2025: wanted 500, got 600.00"]),
    ],
)
def test_bands_of_what_remains_are_compared_one_by_one(bands, found):
    assert differences(f"{{rpo_bands: {{2025-06: {bands}}}}}") == found


def test_a_band_that_the_calendar_does_not_have_is_wrong():
    text = f"- scenario: one\n  expect: {{rpo_bands: {{2025-06: {{H2: 1}}}}}}\n  events: [{ACTIVATED}]\n"
    (read,) = read_text(text, "a.yaml")
    assert "'H2' is no band of the calendar" in str(run(read).wrong)


@pytest.mark.parametrize("name", ["worked-concession-past", "fasb-ex5a-mod-separate-contract"])
def test_a_wrong_figure_in_any_order_is_found_in_the_listed_one_first(name):
    given = SCENARIOS[name]
    wrong = Scenario(given.name, given.spot, {**given.data, "expect": {"balances": {"2025-05": {"due": -1}}}})
    result = run(wrong)
    assert (result.runs, result.differences[0].order) == (1, "")
