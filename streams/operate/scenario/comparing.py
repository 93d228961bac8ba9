"""The verdict: what a scenario expects, named value by named value, beside what a play of it shows.

Invariant: a part compares what it names and nothing else, exactly or within the stated tolerance; a key that no part knows
is an error, and a part whose figures are not built yet is a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tieout.avro.commands import Command
from tieout.avro.events import Minor
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.fields import decimal, decimals_of, minor, whole
from tieout.streams.operate.scenario.movements import Moved
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.reading import BALANCES, Figures
from tieout.streams.operate.scenario.setting import CLASSES
from tieout.streams.operate.scenario.unsupported import NotSupported

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
IN_ANY_ORDER = frozenset({"schedule", "allocation", "balances", "decisions"})
"""Parts that hold in any order of arrival."""


class Difference(NamedTuple):
    """One value that is not as expected. ``order``: the order of arrival, empty for the listed one."""

    part: str
    path: str
    wanted: str
    got: str
    order: str = ""

    def __str__(self) -> str:
        where = f"{self.part} {self.path}".strip()
        late = f" ({self.order})" if self.order else ""
        return f"{where}: wanted {self.wanted}, got {self.got}{late}"


class Compared(NamedTuple):
    """One named value and what the books show for it."""

    path: str
    wanted: Any
    got: Any


class _Part(NamedTuple):
    """A part of the expectation, where it stands, and what it is compared with."""

    expected: Any
    spot: Spot
    figures: Figures

    @property
    def currency(self) -> str:
        return self.figures.played.setting.scenario.currency

    def major(self, amount: Minor) -> Decimal:
        return Decimal(amount).scaleb(-decimals_of(self.currency))

    def day(self, when: Any) -> int:
        return self.figures.played.setting.last_day(when, self.spot)

    def maps(self) -> Iterator[tuple[Any, Mapping[Any, Any], Spot]]:
        """(key, map below it, its place)."""
        for key, value in self.spot.a_map(self.expected).items():
            spot = self.spot.key(key)
            yield key, spot.a_map(value), spot


def differences(figures: Figures, *, any_order: bool = False, order: str = "") -> list[Difference]:
    """Every difference, in the order of the expectation. ``any_order``: only the parts that hold in each."""
    scenario = figures.played.setting.scenario
    spot = scenario.spot.key("expect")
    tolerance = decimal(scenario.data.get("tolerance", 0), scenario.spot.key("tolerance"))
    found: list[Difference] = []
    for part, expected in scenario.expect.items():
        if any_order and part not in IN_ANY_ORDER:
            continue
        try:
            for path, wanted, got in _PARTS[part](_Part(expected, spot.key(part), figures)):
                if not _same(wanted, got, tolerance):
                    found.append(Difference(part, path, _text(wanted), _text(got), order))
        except NotSupported as limit:
            found.append(not_supported(part, limit, order))
    return found


def not_supported(part: str, limit: NotSupported, order: str = "") -> Difference:
    """A word of the format that this release does not know yet, as a difference."""
    return Difference(part, limit.spot.path, limit.what, f"not supported yet: {limit.why}", order)


def first_of_each_part(found: list[Difference]) -> list[Difference]:
    """What a person looks at first."""
    first: dict[str, Difference] = {}
    for each in found:
        first.setdefault(each.part, each)
    return list(first.values())


def _same(wanted: Any, got: Any, tolerance: Decimal) -> bool:
    if isinstance(wanted, Decimal) and isinstance(got, Decimal):
        return abs(wanted - got) <= tolerance
    return bool(wanted == got)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple | list) else str(value)


def _allocation(part: _Part) -> Iterator[Compared]:
    for when, shares, spot in part.maps():
        amounts = part.figures.allocation(part.day(when))
        for po, wanted in shares.items():
            yield Compared(f"{when} {po}", decimal(wanted, spot.key(po)), part.major(amounts.get(str(po), 0)))


def _schedule(part: _Part) -> Iterator[Compared]:
    for po, periods, spot in part.maps():
        moved = part.figures.schedule.get(str(po), {})
        named: set[str] = set()
        for key, wanted in periods.items():
            labels = dates.labels_of(key, spot.key(key))
            named.update(labels)
            got = sum(moved.get(label, 0) for label in labels)
            yield Compared(f"{po} {key}", decimal(wanted, spot.key(key)), part.major(got))
        for label in sorted(set(moved) - named):
            yield Compared(f"{po} {label} (not named)", Decimal(0), part.major(moved[label]))


def _posted(part: _Part) -> Iterator[Compared]:
    return _movements(part, part.figures.posted, lambda _: part.currency)


def _posted_fc(part: _Part) -> Iterator[Compared]:
    """In the functional currency of the entity, or of the arrangement's, that the scope names."""
    scenario = part.figures.played.setting.scenario
    entities = {str(name): str(each["functional"]) for name, each in scenario.entities.items()}
    of = {each.id: entities[each.entity] for each in part.figures.played.state.group.arrangements}
    first = next(iter(entities.values()))
    return _movements(
        part, part.figures.posted_functional, lambda scope: {**entities, **of}.get(scope, first)
    )


def _movements(part: _Part, moved: Moved, currency: Callable[[str], str]) -> Iterator[Compared]:
    for period, classes, spot in part.maps():
        label = part.figures.played.setting.label(period, spot)
        for name, wanted in classes.items():
            account_class, _, scope = str(name).partition("@")
            _known_class(account_class, spot.key(name))
            got = Decimal(moved.get(label, {}).get(str(name), 0)).scaleb(-decimals_of(currency(scope)))
            yield Compared(f"{period} {name}", decimal(wanted, spot.key(name)), got)


def _known_class(name: str, spot: Spot) -> None:
    if name not in CLASSES and not name.startswith("contra_revenue."):
        raise spot.wrong(f"{name!r} is no class; known: {', '.join(CLASSES)}, contra_revenue.NAME")


def _balances(part: _Part) -> Iterator[Compared]:
    for when, balances, spot in part.maps():
        day = part.day(when)
        for key, wanted in balances.items():
            name, _, scope = str(key).partition("@")
            if name not in BALANCES:
                raise spot.key(key).wrong(f"{name!r} is no balance; known: {', '.join(BALANCES)}")
            got = part.major(part.figures.balance(name, scope, day))
            yield Compared(f"{when} {key}", decimal(wanted, spot.key(key)), got)


def _decisions(part: _Part) -> Iterator[Compared]:
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


def _commands(part: _Part) -> Iterator[Compared]:
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


def _attribute(part: _Part, command: Command, of: str) -> Any:
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


def _command_lines(
    part: _Part, wanted: Mapping[str, Any], command: Command, place: int
) -> Iterator[Compared]:
    """Each wanted line matches a line of its own."""
    free = list(getattr(command, "lines", ()))
    spot = part.spot.item(place).key("lines")
    for n, line in enumerate(wanted.get("lines", ())):
        match = next((other for other in free if _is_line(part, spot.item(n), line, other)), None)
        if match is None:
            yield Compared(f"[{place}].lines[{n}]", _line_text(line), "no such line")
        else:
            free.remove(match)


def _is_line(part: _Part, spot: Spot, wanted: Mapping[str, Any], line: Any) -> bool:
    spot.mapping(wanted, (*LINE_KEYS, *_LINE_AMOUNTS, "service"))
    return all(_is_key(part, spot.key(key), key, value, line) for key, value in wanted.items())


def _is_key(part: _Part, spot: Spot, key: str, value: Any, line: Any) -> bool:
    if key in _LINE_AMOUNTS:
        return bool(getattr(line, f"{key}_minor", None) == minor(value, part.currency, spot))
    if key == "service":
        return bool(getattr(line, "service_period", None) == part.figures.played.setting.label(value, spot))
    return bool(getattr(line, LINE_KEYS[key], None) == str(value))


def _line_text(line: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in line.items()) + "}"


def _exceptions(part: _Part) -> Iterator[Compared]:
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


def _not_built(part: _Part) -> Iterator[Compared]:
    raise NotSupported(part.spot, "this part", "the agent does not tell these figures")
    yield


_PARTS: Mapping[str, Callable[[_Part], Iterator[Compared]]] = {
    "decisions": _decisions,
    "allocation": _allocation,
    "schedule": _schedule,
    "posted": _posted,
    "posted_fc": _posted_fc,
    "balances": _balances,
    "rpo_bands": _not_built,
    "commands": _commands,
    "exceptions": _exceptions,
}
"""Part of an expectation -> what it compares; ``loading.PARTS`` says it in words."""
