"""Parts of an expectation that are outputs: decisions about versions, commands, exceptions.

Invariant: the order is that of the agent; each wanted map is a subset of what was said, and the counts are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tieout.avro.commands import Command
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.fields import decimal, minor, whole
from tieout.streams.operate.scenario.part import Compared, Part
from tieout.streams.operate.scenario.places import Spot

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
_LINE_AMOUNTS = ("debit", "credit", "amount", "tax")


def decisions(part: Part) -> Iterator[Compared]:
    """Treatment, date and reasons of each accepted version behind the first."""
    got = part.figures.played.decisions
    wanted_list = part.spot.items(part.expected)
    yield Compared("count", len(wanted_list), len(got))
    for place, (wanted, decision) in enumerate(zip(wanted_list, got, strict=False)):
        spot = part.spot.item(place)
        spot.mapping(wanted, ("contract", "version", "treatment", "at", "reasons"))
        for key, value in wanted.items():
            path = f"[{place}].{key}"
            match key:
                case "at":
                    shown = (
                        None if decision.accounting_date is None else dates.date_of(decision.accounting_date)
                    )
                    yield Compared(path, value, shown)
                case "version":
                    yield Compared(path, whole(value, spot.key(key)), decision.contract_version)
                case "contract":
                    yield Compared(path, str(value), decision.contract_id)
                case "reasons":
                    yield Compared(path, [str(each) for each in value], list(decision.reasons))
                case _:
                    yield Compared(path, value, decision.treatment)


def commands(part: Part) -> Iterator[Compared]:
    """Commands of the kinds that occur in the list."""
    wanted_list = [part.spot.item(n).a_map(each) for n, each in enumerate(part.spot.items(part.expected))]
    kinds = {wanted.get("kind") for wanted in wanted_list}
    got = [command for command in part.figures.played.commands if command.header.kind in kinds]
    yield Compared("count", len(wanted_list), len(got))
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
    return dates.date_of(value) if value is not None and of.endswith("_date") else value


def _stated(value: Any, shown: Any, spot: Spot) -> Any:
    return (
        decimal(value, spot)
        if isinstance(shown, Decimal)
        else whole(value, spot)
        if isinstance(shown, int)
        else value
    )


def _command_lines(part: Part, wanted: Mapping[str, Any], command: Command, place: int) -> Iterator[Compared]:
    """Each wanted line matches a line of its own."""
    free = list(getattr(command, "lines", ()))
    spot = part.spot.item(place).key("lines")
    for n, line in enumerate(wanted.get("lines", ())):
        match = next((other for other in free if _is_line(part, spot.item(n), line, other)), None)
        if match is None:
            yield Compared(f"[{place}].lines[{n}]", _line_text(line), "no such line")
        else:
            free.remove(match)


def _is_line(part: Part, spot: Spot, wanted: Mapping[str, Any], line: Any) -> bool:
    spot.mapping(wanted, (*LINE_KEYS, *_LINE_AMOUNTS, "service"))
    return all(_is_key(part, spot.key(key), key, value, line) for key, value in wanted.items())


def _is_key(part: Part, spot: Spot, key: str, value: Any, line: Any) -> bool:
    if key in _LINE_AMOUNTS:
        return bool(getattr(line, f"{key}_minor", None) == minor(value, part.currency, spot))
    if key == "service":
        return bool(getattr(line, "service_period", None) == part.figures.played.setting.label(value, spot))
    return bool(getattr(line, LINE_KEYS[key], None) == str(value))


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
    yield Compared("codes", codes, [item.code for item in raised])
    for place, (wanted, item) in enumerate(zip(expected, raised, strict=False)):
        for key, value in wanted.items() if isinstance(wanted, Mapping) else ():
            shown = getattr(item, EXCEPTION_KEYS[key])
            shown = part.major(shown) if key == "amount" else shown
            yield Compared(f"[{place}].{key}", _stated(value, shown, part.spot.item(place).key(key)), shown)
