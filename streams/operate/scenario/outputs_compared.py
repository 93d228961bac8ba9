"""Parts of an expectation that are outputs: decisions about versions, commands, exceptions.

Invariant: the order is that of the agent; each wanted map is a subset of what was said, and the counts are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tieout.agents.contracts.reasons import REASONS
from tieout.avro.commands import Command
from tieout.avro.days import date_of
from tieout.avro.outcomes import DecisionRecorded
from tieout.streams.operate.scenario.fields import decimal, minor, whole
from tieout.streams.operate.scenario.part import Compared, Part
from tieout.streams.operate.scenario.places import Spot, instead

COMMAND_KEYS = {
    "kind": "kind",
    "entity": "entity",
    "arrangement": "arrangement_id",
    "contract": "contract_id",
    "version": "contract_version",
    "currency": "currency",
    "customer": "customer_id",
    "invoice": "invoice_number",
    "credit_memo": "memo_number",
    "date": "document_date",
    "due": "due_date",
    "posting_date": "posting_date",
    "access_end": "access_end_date",
    "amount": "amount_minor",
    "tax": "tax_minor",
    "total": "total_minor",
    "reason": "reason",
}
"""Key of an expected command -> field of the command or its header; beside them ``period`` and ``lines``."""
LINE_KEYS = {"class": "account_class", "po": "po", "account": "account"}
"""Key of an expected line of a command -> its field; beside them amounts (debit, credit, amount, tax) and ``service``."""
EXCEPTION_KEYS = {
    "code": "code",
    "contract": "contract_id",
    "event": "event_type",
    "owner": "owner",
    "severity": "severity",
    "amount": "amount_minor",
}
"""Key of an expected exception -> its field."""
TREATMENTS = ("separate", "prospective", "catch_up", "mixed", "none")
_LINE_AMOUNTS = ("debit", "credit", "amount", "tax")


def decisions(part: Part) -> Iterator[Compared]:
    """Treatment and date of each accepted version behind the first; wanted reasons are among those given."""
    got = part.figures.played.decisions
    wanted_list = part.spot.items(part.expected)
    for place, wanted in enumerate(wanted_list):
        spot = part.spot.item(place)
        spot.mapping(wanted, ("contract", "version", "treatment", "at", "reasons"))
        if "treatment" in wanted:
            _known_treatment(wanted["treatment"], spot.key("treatment"))
    yield _count(wanted_list, [_decision_text(each) for each in got])
    for place, (wanted, decision) in enumerate(zip(wanted_list, got, strict=False)):
        spot = part.spot.item(place)
        for key, value in wanted.items():
            yield from _decided(f"[{place}].{key}", value, key, decision, spot.key(key))


def _decided(path: str, value: Any, key: str, decision: DecisionRecorded, spot: Spot) -> Iterator[Compared]:
    match key:
        case "at":
            day = decision.accounting_date
            yield Compared(path, value, None if day is None else date_of(day))
        case "version":
            yield Compared(path, whole(value, spot), decision.contract_version)
        case "contract":
            yield Compared(path, str(value), decision.contract_id)
        case "reasons":
            missing = [each for each in spot.items(value) if each not in decision.reasons]
            yield Compared(path, value if missing else [], list(decision.reasons) if missing else [])
        case _:
            yield Compared(path, value, decision.treatment)


def _known_treatment(value: Any, spot: Spot) -> None:
    if value not in TREATMENTS:
        raise spot.wrong(f"{value!r} is no treatment{instead(value, TREATMENTS)}")


def commands(part: Part) -> Iterator[Compared]:
    """Commands of the kinds that occur in the list."""
    wanted_list = [part.spot.item(n).a_map(each) for n, each in enumerate(part.spot.items(part.expected))]
    kinds = {wanted.get("kind") for wanted in wanted_list}
    got = [command for command in part.figures.played.commands if command.header.kind in kinds]
    yield _count(
        wanted_list, [f"{each.header.kind} {each.header.posting_period or ''}".rstrip() for each in got]
    )
    for place, (wanted, command) in enumerate(zip(wanted_list, got, strict=False)):
        spot = part.spot.item(place)
        spot.mapping(wanted, ("period", "lines", *COMMAND_KEYS))
        if "period" in wanted:
            label = part.figures.played.setting.label(wanted["period"], spot.key("period"))
            yield Compared(f"[{place}].period", label, command.header.posting_period)
        for key, of in COMMAND_KEYS.items():
            if key in wanted:
                shown = _attribute(part, command, of)
                yield Compared(f"[{place}].{key}", _stated(wanted[key], shown, spot.key(key)), shown)
        yield from _command_lines(part, wanted, command, place)


def _attribute(part: Part, command: Command, of: str) -> Any:
    """A field of a command or of its header: amounts in major units, days as dates; None where it has none."""
    value = getattr(command.header, of, None)
    if value is None:
        value = getattr(command, of, None)
    if value is not None and of.endswith("_minor"):
        return part.major(value)
    return date_of(value) if value is not None and of.endswith("_date") else value


def _stated(value: Any, shown: Any, spot: Spot) -> Any:
    """The wanted value as what it is compared with."""
    if isinstance(shown, Decimal):
        return decimal(value, spot)
    return whole(value, spot) if isinstance(shown, int) else value


def _command_lines(part: Part, wanted: Mapping[str, Any], command: Command, place: int) -> Iterator[Compared]:
    """Each wanted line matches a line of its own; those that say most choose first."""
    free = list(getattr(command, "lines", ()))
    spot = part.spot.item(place).key("lines")
    lines = [(n, spot.item(n).a_map(line)) for n, line in enumerate(spot.items(wanted.get("lines", [])))]
    for n, line in sorted(lines, key=lambda each: -len(each[1])):
        told = (other for other in free if _is_line(part, spot.item(n), line, other, command.header.currency))
        match = next(told, None)
        if match is None:
            left = ", ".join(_line_text(_line_told(part, other, line)) for other in free)
            yield Compared(
                f"[{place}].lines[{n}]", _line_text(line), f"no such line; left are {left or 'none'}"
            )
        else:
            free.remove(match)


def _is_line(part: Part, spot: Spot, wanted: Mapping[str, Any], line: Any, currency: str) -> bool:
    spot.mapping(wanted, (*LINE_KEYS, *_LINE_AMOUNTS, "service"))
    for key, value in wanted.items():
        if key in _LINE_AMOUNTS:
            stated: Any = minor(value, currency, spot.key(key))
            shown = getattr(line, f"{key}_minor", None)
        elif key == "service":
            stated = part.figures.played.setting.label(value, spot.key(key))
            shown = getattr(line, "service_period", None)
        else:
            stated, shown = str(value), getattr(line, LINE_KEYS[key], None)
        if stated != shown:
            return False
    return True


def _line_told(part: Part, line: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of a command says under the keys that were wanted, and its amounts."""
    told = {key: getattr(line, of, None) for key, of in LINE_KEYS.items() if key in wanted}
    told |= {"service": getattr(line, "service_period", None)} if "service" in wanted else {}
    amounts = {key: getattr(line, f"{key}_minor", None) for key in _LINE_AMOUNTS}
    told |= {key: part.major(amount) for key, amount in amounts.items() if amount}
    return {key: value for key, value in told.items() if value is not None}


def _count(wanted: list[Any], got: list[str]) -> Compared:
    """How many there are; where there are others than wanted, what they are."""
    same = len(wanted) == len(got)
    return Compared(
        "count", str(len(wanted)), str(len(got)) + ("" if same else f" ({', '.join(got) or 'none'})")
    )


def _decision_text(decision: DecisionRecorded) -> str:
    return f"{decision.contract_id} version {decision.contract_version} {decision.treatment}"


def _line_text(line: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in line.items()) + "}"


def exceptions(part: Part) -> Iterator[Compared]:
    """Codes in order, all of them; a map names more of one."""
    raised = part.figures.played.exceptions
    expected = part.spot.items(part.expected)
    codes = [
        part.spot.item(n).mapping(each, EXCEPTION_KEYS).get("code") if isinstance(each, Mapping) else each
        for n, each in enumerate(expected)
    ]
    for place, code in enumerate(codes):
        if code is not None and code not in REASONS:
            raise part.spot.item(place).wrong(f"{code!r} is no reason code{instead(code, sorted(REASONS))}")
    yield Compared("codes", codes, [item.code for item in raised])
    for place, (wanted, item) in enumerate(zip(expected, raised, strict=False)):
        for key, value in wanted.items() if isinstance(wanted, Mapping) else ():
            shown = getattr(item, EXCEPTION_KEYS[key])
            shown = part.major(shown) if key == "amount" else shown
            yield Compared(f"[{place}].{key}", _stated(value, shown, part.spot.item(place).key(key)), shown)
