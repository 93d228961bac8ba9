"""Compare what a group shows with what a scenario expects; the first difference of each part."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from golden.scenario import day_of, months_of, period_of

from tieout.agents.contracts.receivables import advance_movements
from tieout.agents.contracts.targets import Targets
from tieout.avro.commands import JournalPost
from tieout.tables.reference import MonthCalendar

CREDITS = ("revenue", "contract_liability", "refund_liability", "tax_payable")


def differences(given, inbox, *, any_order=False):
    """One text per difference; empty when every named value matches."""
    expected = given.data["expect"]
    tolerance = Decimal(given.data.get("tolerance", 0))
    parts = {
        "allocation": _allocation,
        "schedule": _schedule,
        "balances": _balances,
        "decisions": _decisions,
        "posted": _posted,
        "commands": _commands,
        "exceptions": _exceptions,
    }
    assert set(expected) <= set(parts), f"no rule compares {sorted(set(expected) - set(parts))}"
    found = []
    for part in expected:
        if any_order and part in ("commands", "exceptions", "posted"):
            continue
        for path, wanted, got in parts[part](given, inbox, expected[part]):
            same = abs(Decimal(wanted) - got) <= tolerance if isinstance(got, Decimal) else wanted == got
            if not same:
                found.append(f"{part} {path}: wanted {wanted}, got {got}")
    return found


def major(given, minor):
    return Decimal(minor) / 10 ** {"JPY": 0, "KWD": 3}.get(given.currency, 2)


def _allocation(given, inbox, expected):
    for when, shares in expected.items():
        amounts = defaultdict(int)
        for arrangement in inbox.state.group.arrangements:
            for po, amount in Targets(inbox.state, arrangement).allocation(day_of(when)).items():
                amounts[po] += amount
        for po, wanted in shares.items():
            yield f"{when} {po}", wanted, major(given, amounts[po])


def _schedule(given, inbox, expected):
    calendar = MonthCalendar()
    moved = defaultdict(lambda: defaultdict(int))
    for account in inbox.state.ledger.accounts:
        for series in account.series:
            if series.account_class == "revenue":
                for place, amount in enumerate(series.movements):
                    label = calendar.label(series.first + place)
                    moved[series.po][label] += amount
                    moved["total"][label] += amount
    for po, wanted in expected.items():
        named = {month for key in wanted for month in months_of(key)}
        for key, amount in wanted.items():
            yield f"{po} {key}", amount, major(given, sum(moved[po][month] for month in months_of(key)))
        for month in sorted(set(moved[po]) - named):
            yield f"{po} {month} (not named)", 0, major(given, moved[po][month])


def _balances(given, inbox, expected):
    for when, wanted in expected.items():
        day = day_of(when)
        for name, amount in wanted.items():
            measure, _, scope = name.partition("@")
            total = 0
            for arrangement in inbox.state.group.arrangements:
                if scope in ("", arrangement.id, arrangement.entity):
                    total += _balance(inbox, arrangement, measure, day)
            yield f"{when} {name}", amount, major(given, total)


def _balance(inbox, arrangement, measure, day):
    targets = Targets(inbox.state, arrangement)
    match measure:
        case "rpo":
            return targets.remaining(day)
        case "transaction_price":
            return targets.price(day)
        case "accounts_receivable":
            return _receivable(inbox.state, arrangement, day)
        case _:
            return getattr(targets.at(day), measure)


def _receivable(state, arrangement, day):
    if state.arrangements_of(arrangement.contract)[0] != arrangement:
        return 0
    documents = state.documents
    billed = sum(
        (line.amount + line.tax) * (1 if line.kind == "invoice" else -1)
        for line in documents.lines
        if line.contract == arrangement.contract and line.at <= day and line.unconditional
    )
    paid = sum(
        each.amount for each in documents.cash if each.contract == arrangement.contract and each.at <= day
    )
    unapplied = sum(amount for at, amount in advance_movements(documents, arrangement.contract) if at <= day)
    return billed - paid + unapplied


def _decisions(given, inbox, expected):
    got = sorted(
        inbox.recorded, key=lambda each: (each.accounting_date, each.contract_id, each.contract_version)
    )
    yield "count", len(expected), len(got)
    for wanted, decision in zip(expected, got, strict=False):
        for key, value in wanted.items():
            if key == "at":
                yield "at", day_of(value), decision.accounting_date
            elif key == "version":
                yield "version", int(value), decision.contract_version
            else:
                yield key, value, getattr(decision, key)


def _posted(given, inbox, expected):
    moved = defaultdict(lambda: defaultdict(int))
    for command in inbox.commands:
        if isinstance(command, JournalPost):
            for line in command.lines:
                credit = line.credit_minor - line.debit_minor
                sign = 1 if line.account_class in CREDITS else -1
                moved[command.header.posting_period][line.account_class] += sign * credit
    for label, account_class, amount in _documents(inbox):
        moved[label][account_class] += amount
    for period, classes in expected.items():
        for account_class, amount in classes.items():
            yield f"{period} {account_class}", amount, major(given, moved[period_of(period)][account_class])


def _documents(inbox):
    """What documents and cash book, whoever owns the receivable, in their own month (none is closed for them)."""
    calendar = MonthCalendar()
    documents = inbox.state.documents
    for line in documents.lines:
        if line.unconditional:
            sign = 1 if line.kind == "invoice" else -1
            label = calendar.label(calendar.period_of(line.at))
            yield label, "accounts_receivable", sign * (line.amount + line.tax)
            yield label, "contract_liability", sign * line.amount
            yield label, "tax_payable", sign * line.tax
    for cash in documents.cash:
        label = calendar.label(calendar.period_of(cash.at))
        yield label, "cash", cash.amount
        yield label, "accounts_receivable", -cash.amount
    for contract in inbox.state.group.contracts:
        for at, amount in advance_movements(documents, contract.id):
            label = calendar.label(calendar.period_of(at))
            yield label, "accounts_receivable", amount
            yield label, "contract_liability", amount


def _commands(given, inbox, expected):
    kinds = {wanted["kind"] for wanted in expected}
    got = [command for command in inbox.commands if command.header.kind in kinds]
    yield "count", len(expected), len(got)
    for wanted, command in zip(expected, got, strict=False):
        if "period" in wanted:
            yield "period", period_of(wanted["period"]), command.header.posting_period
        for line in wanted.get("lines", ()):
            matches = [
                other
                for other in command.lines
                if other.account_class == line["class"]
                and line.get("po", other.po) == other.po
                and given.minor(line.get("debit", 0)) == other.debit_minor
                and given.minor(line.get("credit", 0)) == other.credit_minor
                and line.get("service", other.service_period) == other.service_period
            ]
            yield f"line {line}", True, bool(matches)


def _exceptions(given, inbox, expected):
    codes = [code for code, _ in inbox.refusals] + [
        each.code for each in inbox.exceptions if each.status == "open"
    ]
    yield "codes", list(expected), codes
