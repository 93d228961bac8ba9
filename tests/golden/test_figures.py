"""Figures that a scenario compares: postings of documents in open and closed periods, and in functional currency."""

from msgspec.structs import replace

from tieout.streams.operate.scenario.loading import read_text
from tieout.streams.operate.scenario.running import prepared, run

ACTIVATED = "{at: 2025-01-01, type: contract_activated, price: 1200, lines: [{po: S, measure: time, from: 2025-01-01, to: 2025-12-31}]}"
LATER = ACTIVATED.replace("2025-01-01, to", "2025-06-01, to")
RATES = "[{date: 2025-01-10, from: EUR, to: USD, type: spot, rate: 1.20}, {date: 2025-02-10, from: EUR, to: USD, type: spot, rate: 1.10}]"


def scenario(*events, **keys):
    lines = ["- scenario: one", *(f"  {key}: {value}" for key, value in keys.items())]
    (read,) = read_text("\n".join([*lines, "  events:", *(f"  - {event}" for event in events)]), "a.yaml")
    return read


def differences(*events, **keys):
    return [str(each) for each in run(scenario(*events, **keys)).found]


def test_a_document_is_posted_into_the_first_open_period_and_a_reopened_one_is_open():
    invoice = "{{at: 2025-01-20, type: invoice_posted, id: {}, amount: {}}}"
    events = (
        LATER,
        "{close: 2025-02}",
        invoice.format("I1", 100),
        "{at: 2025-01-25, type: payment_received, invoice: I1, amount: 100}",
        "{reopen: 2025-02}",
        invoice.format("I2", 30),
        "{reopen: 2025-01}",
        invoice.format("I3", 7),
        "{run: 2025-03}",
    )
    posted = "{posted: {2025-01: {accounts_receivable: 7, cash: 0}, 2025-02: {accounts_receivable: 30}, 2025-03: {accounts_receivable: 0, cash: 100, contract_liability: 100}}}"
    assert differences(*events, expect=posted) == []


def test_movements_can_be_asked_for_by_entity_and_arrangement():
    events = (
        LATER.replace("price", "entity: UK, price"),
        LATER.replace("price", "contract: C2, price").replace("po: S", "po: T"),
        "{at: 2025-01-20, type: invoice_posted, amount: 100, tax: 5}",
        "{at: 2025-01-20, type: invoice_posted, contract: C2, amount: 30}",
    )
    keys = {"entities": "{US: {functional: USD}, UK: {functional: USD}}"}
    wanted = "accounts_receivable: 135, accounts_receivable@UK: 105, tax_payable@C1@1: 5, accounts_receivable@C2@1: 30"
    assert differences(*events, expect=f"{{posted: {{2025-01: {{{wanted}}}}}}}", **keys) == []
    assert differences(*events, expect="{posted: {2025-01: {accounts_receivable@US: 31}}}", **keys) == [
        "posted 2025-01 accounts_receivable@US: wanted 31, got 30.00"
    ]


def test_documents_are_translated_at_the_rate_of_their_invoice_and_a_settlement_leaves_a_gain_or_loss():
    events = (
        LATER,
        "{at: 2025-01-10, type: invoice_posted, id: I1, amount: 30}",
        "{at: 2025-02-10, type: credit_memo_issued, id: M1, amount: 10, reason: billing_error, invoice: I1}",
        "{at: 2025-02-15, type: payment_received, invoice: I1, amount: 20}",
    )
    january = "{accounts_receivable: 36, contract_liability: 36, fx_gain: 0}"
    february = "{accounts_receivable: -36, cash: 22, fx_gain: -2, contract_liability@US: -12, cash@C1@1: 22}"
    expect = f"{{posted_fc: {{2025-01: {january}, 2025-02: {february}}}}}"
    assert (
        differences(*events, expect=expect, currency="EUR", rates=RATES, policy="{emission: daily_run}") == []
    )


def test_amounts_of_different_functional_currencies_are_never_added_up():
    events = (
        LATER.replace("price", "entity: UK, currency: GBP, price"),
        LATER.replace("price", "contract: C2, price").replace("po: S", "po: T"),
        "{at: 2025-01-20, type: invoice_posted, amount: 100}",
        "{at: 2025-01-20, type: invoice_posted, contract: C2, amount: 30}",
    )
    keys = {"entities": "{US: {functional: USD}, UK: {functional: GBP}}"}
    wanted = "accounts_receivable: 30, accounts_receivable@UK: 100, accounts_receivable@C1@1: 100"
    assert differences(*events, expect=f"{{posted_fc: {{2025-01: {{{wanted}}}}}}}", **keys) == []


def test_a_rate_that_a_document_needs_and_that_is_not_given_is_told_and_never_guessed():
    keys = {"expect": "{posted_fc: {2025-01: {cash: 0}}}", "currency": "EUR", "rates": RATES}
    early = run(scenario(LATER, "{at: 2025-01-09, type: invoice_posted, amount: 30}", **keys))
    assert "rates: has no spot rate from EUR to USD" in str(early.wrong)


def test_cash_that_names_no_invoice_settles_the_oldest_at_its_own_rate():
    events = (
        LATER,
        "{at: 2025-01-10, type: invoice_posted, id: I1, amount: 10}",
        "{at: 2025-02-10, type: invoice_posted, id: I2, amount: 20}",
        "{at: 2025-02-12, type: payment_received, amount: 15}",
    )
    expect = "{posted_fc: {2025-02: {accounts_receivable: 4.5, cash: 16.5, fx_gain: -1}}}"
    assert (
        differences(*events, expect=expect, currency="EUR", rates=RATES, policy="{emission: daily_run}") == []
    )


def test_an_advance_that_goes_back_ends_at_its_own_rate_and_the_cash_has_another():
    events = (
        LATER,
        "{at: 2025-01-10, type: payment_received, id: P1, amount: 30}",
        "{at: 2025-02-10, type: payment_refunded, amount: 30}",
    )
    january, february = (
        "{cash: 36, contract_liability: 36}",
        "{cash: -33, contract_liability: -36, fx_gain: 3}",
    )
    expect = f"{{posted_fc: {{2025-01: {january}, 2025-02: {february}}}}}"
    assert (
        differences(*events, expect=expect, currency="EUR", rates=RATES, policy="{emission: daily_run}") == []
    )


def test_a_version_that_was_withdrawn_is_no_decision():
    steps, player = prepared(
        scenario(ACTIVATED, "{at: 2025-03-01, type: contract_amended, price_change: 12}", expect="{}")
    )
    played = player.play(steps)
    assert [each.contract_version for each in played.decisions] == [2]
    first, second = played.state.facts.terms
    facts = replace(played.state.facts, terms=(first, replace(second, kind="withdrawn")))
    again = type(played)(
        played.setting, played.outputs, replace(played.state, facts=facts), played.view, played.closed
    )
    assert again.decisions == ()


def test_an_exception_that_is_told_again_was_raised_once():
    steps, player = prepared(
        scenario(ACTIVATED, "{at: 2025-03-01, type: contract_amended, approved: null}", expect="{}")
    )
    played = player.play(steps)
    again = type(played)(
        played.setting, [*played.outputs, *played.outputs], played.state, played.view, played.closed
    )
    assert (
        [item.code for item in again.exceptions]
        == [item.code for item in played.exceptions]
        == ["MOD_PENDING"]
    )


def test_an_audited_play_checks_every_commit(monkeypatch):
    checked = []
    monkeypatch.setattr(
        "tieout.streams.operate.scenario.player.check_whole",
        lambda state, view: checked.append(view.control_seq),
    )
    given = scenario(ACTIVATED, "{run: 2025-02}", expect="{}")
    assert run(given, audited=True).passed
    assert checked == [1, 2]
    assert run(given).passed
    assert len(checked) == 2


def test_an_audit_that_fails_is_the_scenarios_result(monkeypatch):
    def broken(*_):
        raise AssertionError("planted")

    monkeypatch.setattr("tieout.streams.operate.scenario.player.check_whole", broken)
    (difference,) = run(scenario(ACTIVATED, expect="{}"), audited=True).differences
    assert difference.got == "AssertionError: planted"
