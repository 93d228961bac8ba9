"""Scenario events become facts of a contract (``told``), one reader for each family of events.

Invariant: a type, a key or a switch without a rule here raises ``NoRule``.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from oracle.lives.days import month_end
from oracle.lives.told import (
    DATED,
    DECIMALS,
    Document,
    Estimate,
    LineChange,
    NoRule,
    Promise,
    Told,
    Used,
    Version,
    share,
)

LINE = set(Promise._fields) - {"first", "last", "quantity", "digits"} | {
    "from", "to", "qty", "progress_digits", "uninstalled_cost"
}  # fmt: skip
COMMON = {"at", "type", "id", "known", "approved", "effective"}
ANY_VALUE = {"progress_digits", "ssp_tolerance"}
SWITCHES = {
    "convention": {"months_prorated", "days", "months_even"},
    "modification_date": {"later_of", "approved", "effective"},
    "receivable_when": {"invoiced"},
    "usage": {"accrue_estimate"},
}
"""Switch -> values that the oracle has a rule for."""
EVIDENCE = {
    "goods_delivered": "delivered",
    "goods_shipped": "shipped",
    "acceptance_recorded": "acceptance",
    "access_provisioned": "access",
    "prepaid_credit_consumed": "consumed",
    "prepaid_credit_expired": "expired",
}
DOCUMENTS = {
    "invoice_posted": {"amount", "tax", "po", "due"},
    "debit_memo_issued": {"amount", "tax", "po", "due"},
    "credit_memo_issued": {"amount", "tax", "po", "reason", "invoice", "modification"},
    "payment_received": {"amount", "invoice"},
    "payment_refunded": {"amount", "credit_memo"},
    "payment_right_established": {"amount", "po"},
    "invoice_voided": {"invoice"},
    "invoice_written_off": {"amount", "invoice", "reason"},
    "invoice_recovered": {"amount", "invoice"},
}
NOTHING_TO_COUNT = {"order_accepted", "order_backordered"}


def heard(scenario: Mapping[str, Any]) -> Told:
    """The facts of a scenario with one contract in one currency; control steps say nothing about it."""
    unknown = set(scenario) - {"scenario", "kind", "source", "derived", "note", "policy", "currency", "entities", "events",
                               "expect", "any_order", "tolerance"}  # fmt: skip
    if unknown or len(scenario.get("entities", {})) > 1:
        raise NoRule(f"keys {sorted(unknown)}, or several entities")
    policy = scenario.get("policy", {})
    if any(name not in ANY_VALUE and value not in SWITCHES.get(name, ()) for name, value in policy.items()):
        raise NoRule(f"policy {dict(policy)}")
    told = Told(policy, DECIMALS.get(scenario.get("currency", "USD"), 2))
    taken: list[Mapping[str, Any]] = []
    for place, event in enumerate(scenario["events"]):
        if "type" in event and not ("id" in event and event in taken):
            taken.append(event)
            _hear(told, event, event.get("id", f"{event['type']}-{place}"))
    return told


def _hear(told: Told, event: Mapping[str, Any], name: str) -> None:
    kind = event["type"]
    stated = set(event) - COMMON
    if kind in VERSIONS:
        _only(stated, VERSIONS[kind][1], kind)
        told.versions.append(VERSIONS[kind][0](told, event, len(told.versions) + 1))
    elif kind in EVIDENCE:
        _only(stated, {"po", "qty"}, kind)
        quantity = share(event["qty"]) if "qty" in event else None
        told.evidence.append((EVIDENCE[kind], event["po"], _day(event["at"]), quantity))
    elif kind in DOCUMENTS:
        _only(stated, DOCUMENTS[kind], kind)
        amount, tax = (told.minor(event.get(key, 0)) for key in ("amount", "tax"))
        told.documents.append(Document(kind, name, _day(event["at"]), amount, tax, event))
    elif kind in OTHERS:
        OTHERS[kind](told, event, name)
    elif kind not in NOTHING_TO_COUNT:
        raise NoRule(kind)


def _only(stated: set[str], known: set[str], what: str) -> None:
    if stated - known:
        raise NoRule(f"{what}: {sorted(stated - known)}")


def _day(value: Any) -> int:
    return dt.date.toordinal(value)


def _open_day(event: Mapping[str, Any], key: str) -> int | None:
    return _day(event[key]) if event.get(key) is not None else None


def _promise(told: Told, line: Mapping[str, Any], convention: str | None = None) -> Promise:
    _only(set(line), LINE, "a line")
    measure = line["measure"]
    digits = line.get("progress_digits", told.policy.get("progress_digits"))
    ssp = line.get("ssp")
    return Promise(
        po=line["po"],
        measure=measure,
        first=_open_day(line, "from"),
        last=_open_day(line, "to"),
        quantity=share(line.get("qty", 1)),
        ssp=None if ssp is None else share(ssp) * 10**told.digits,
        ssp_per=line.get("ssp_per", "whole"),
        price=told.minor(line["price"]) if "price" in line else None,
        convention=line.get("convention", told.policy.get("convention", "months_prorated")),
        gate=line.get("gate", "none"),
        incoterm=line.get("incoterm"),
        distinct=line.get("distinct", measure not in ("cost", "percent")),
        digits=None if digits is None else int(digits),
        meter=line.get("meter"),
        unit_price=share(line.get("unit_price", 0)) * 10**told.digits,
        aggregation=line.get("aggregation", "sum"),
        usage_period=line.get("usage_period", "calendar_month"),
        breakage=share(line.get("breakage", 0)),
        uninstalled=told.minor(line.get("uninstalled_cost", 0)),
    )


def _days(told: Told, event: Mapping[str, Any], *, opens: bool = False) -> tuple[int, int, int]:
    """(accounting date, approved, effective): an activation counts from ``at``, a renewal from its start."""
    effective = _day(event.get("effective", event["at"]))
    if event.get("approved", event["at"]) is None:
        raise NoRule("a version that is not approved")
    approved = _day(event.get("approved", event["at"]))
    if opens:
        return effective, approved, effective
    rule = told.policy.get("modification_date", "later_of")
    at = {"later_of": max(approved, effective), "approved": approved, "effective": effective}[rule]
    return at, approved, effective


def _activated(told: Told, event: Mapping[str, Any], number: int) -> Version:
    at, approved, effective = _days(told, event, opens=True)
    lines = tuple(_promise(told, line) for line in event["lines"])
    shared = [line for line in lines if line.measure not in DATED]
    if len(shared) == 1 and shared[0].ssp is None:
        lines = tuple(
            line._replace(ssp=Fraction(10**told.digits)) if line in shared else line for line in lines
        )
    price = told.minor(event["price"])
    kind = "activate" if event["type"] == "contract_activated" else "renew"
    return Version(number, kind, at, approved, effective, price, lines, opens=kind == "activate")


def _amended(told: Told, event: Mapping[str, Any], number: int) -> Version:
    change = []
    for each in event.get("change", ()):
        _only(set(each), {"po", "qty", "to", "price_change"}, "a changed line")
        quantity = share(each["qty"]) if "qty" in each else None
        stated = told.minor(each["price_change"]) if "price_change" in each else None
        change.append(LineChange(each["po"], quantity, _open_day(each, "to"), stated))
    price = told.minor(event.get("price_change", 0))
    return Version(
        number,
        "amend",
        *_days(told, event),
        price=price,
        add=tuple(_promise(told, line) for line in event.get("add", ())),
        change=tuple(change),
        remove=tuple(event.get("remove", ())),
        ssp=tuple((po, share(ssp) * 10**told.digits) for po, ssp in event.get("ssp", {}).items()),
        past_credit=told.minor(event.get("past_credit", 0)),
        distinct=event.get("distinct"),
        taken_back=max(0, -price),
    )


def _cancelled(told: Told, event: Mapping[str, Any], number: int) -> Version:
    days = _days(told, event)
    price = told.minor(event.get("price_change", 0)) + told.minor(event.get("fee", 0))
    ends = _open_day(event, "access_end")
    return Version(
        number,
        "cancel",
        *days,
        price=price,
        access_end=days[0] - 1 if ends is None else ends,
        taken_back=max(0, -price),
    )


def _suspended(told: Told, event: Mapping[str, Any], number: int) -> Version:
    first = _day(event.get("from", event["at"]))
    return Version(
        number,
        "suspend",
        *_days(told, event),
        pauses=((first, _open_day(event, "to")),),
        extended_to=_open_day(event, "extended_to"),
    )


def _estimated(told: Told, event: Mapping[str, Any], name: str) -> None:
    _only(set(event) - COMMON, {"amount", "reach", "po", "refundable"}, event["type"])
    reach, _, number = event.get("reach", "version_1").partition("_")
    told.estimates.append(
        Estimate(
            name,
            _day(event["at"]),
            told.minor(event["amount"]),
            reach,
            int(number or 1),
            event.get("po"),
            event.get("refundable", False),
        )
    )


def _used(told: Told, event: Mapping[str, Any], name: str) -> None:
    _only(set(event) - COMMON, {"meter", "qty", "replaces"}, event["type"])
    told.used[name] = Used(name, _day(event["at"]), event["meter"], share(event["qty"]))
    if "replaces" in event:
        told.replaced.add(event["replaces"])


def _rated(told: Told, event: Mapping[str, Any], _: str) -> None:
    _only(set(event) - COMMON, {"meter", "period", "amount", "qty"}, event["type"])
    first = dt.date.fromisoformat(f"{event['period']}-01").toordinal()
    told.rated.append((event["meter"], first, month_end(first), told.minor(event["amount"])))


def _progressed(told: Told, event: Mapping[str, Any], _: str) -> None:
    for key in set(event) - COMMON - {"po"}:
        if key not in ("percent", "eac", "breakage"):
            raise NoRule(f"{event['type']}: {key}")
        value = share(event[key]) * (10**told.digits if key == "eac" else 1)
        told.evidence.append((key, event["po"], _day(event["at"]), value))


def _spent(told: Told, event: Mapping[str, Any], _: str) -> None:
    _only(set(event) - COMMON, {"po", "amount", "uninstalled"}, event["type"])
    kind = "uninstalled" if event.get("uninstalled") else "cost"
    told.evidence.append((kind, event["po"], _day(event["at"]), share(event["amount"]) * 10**told.digits))


def _worked(told: Told, event: Mapping[str, Any], _: str) -> None:
    _only(set(event) - COMMON, {"po", "hours", "rate"}, event["type"])
    told.evidence.append(("hours", event["po"], _day(event["at"]), _at_rate(told, event)))


def _at_rate(told: Told, event: Mapping[str, Any]) -> Any:
    lines = [line for version in told.versions for line in version.add if line.po == event["po"]]
    rate = share(event["rate"]) * 10**told.digits if "rate" in event else lines[0].unit_price
    return share(event["hours"]) * rate


def _royalty(told: Told, event: Mapping[str, Any], _: str) -> None:
    _only(set(event) - COMMON, {"po", "amount"}, event["type"])
    told.evidence.append(
        ("royalty", event["po"], _day(event["at"]), share(event["amount"]) * 10**told.digits)
    )


Reader = Callable[[Told, Mapping[str, Any], int], Version]
VERSIONS: dict[str, tuple[Reader, set[str]]] = {
    "contract_activated": (_activated, {"price", "lines"}),
    "contract_renewed": (_activated, {"price", "lines"}),
    "contract_amended": (
        _amended,
        {"price_change", "add", "change", "remove", "ssp", "past_credit", "distinct", "actions"},
    ),
    "contract_cancelled": (_cancelled, {"access_end", "price_change", "fee", "reason"}),
    "contract_suspended": (_suspended, {"from", "to", "extended_to"}),
}
OTHERS: dict[str, Callable[[Told, Mapping[str, Any], str], None]] = {
    "variable_estimate_changed": _estimated,
    "usage_reported": _used,
    "usage_corrected": _used,
    "usage_rated": _rated,
    "progress_updated": _progressed,
    "cost_incurred": _spent,
    "timesheet_approved": _worked,
    "royalty_reported": _royalty,
}
