"""How a stated value becomes a field of a record: the kinds that the tables of events and lines are made of.

Invariant: an amount becomes whole minor units of its currency, or it is an error; a quantity keeps every digit that it is
stated with, as an integer and its scale; no float is ever made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from tieout.agents.contracts.currencies import DECIMALS
from tieout.avro import events as ev
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.places import Spot, shown

_PPM_DIGITS = 6
_SCALE_MAX = 12
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


class Default(Enum):
    """Defaults that are no value."""

    REQUIRED = "required"
    AT = "`at`"
    ID = "`id`"
    OMIT = ""
    """The record's own default."""


class Reading(NamedTuple):
    """What a value is read beside: the event's currency, business date and identity."""

    currency: str
    at: int
    object_id: str
    version: int


Values = dict[str, Any]
Read = Callable[[Any, str, Reading, Spot], Values]
"""(value, target, reading, spot) -> fields of the record."""


class Kind(NamedTuple):
    """A kind of value: how the documentation calls it, and how it is read."""

    words: str
    read: Read


class Field(NamedTuple):
    """One key of an event or line: ``target`` is the record's field, ``words`` what the key's name does not say."""

    key: str
    kind: Kind
    target: str
    default: Any = Default.REQUIRED
    words: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """Fields of a record as read from a map, and which of its keys they come from; unstated ones come from defaults."""

    values: Values
    keys: Mapping[str, str]


def read_fields(fields: tuple[Field, ...], data: Mapping[str, Any], reading: Reading, spot: Spot) -> Stated:
    """Every field of a map; an unknown key, a missing one and a wrong value are errors."""
    spot.mapping(data, [field.key for field in fields])
    values: Values = {}
    keys: dict[str, str] = {}
    for field in fields:
        if field.key in data:
            read = field.kind.read(data[field.key], field.target, reading, spot.key(field.key))
            keys |= dict.fromkeys(read, field.key)
            values |= read
        elif field.default is Default.REQUIRED:
            raise spot.wrong(f"has no {field.key!r} ({field.kind.words})")
        else:
            values |= _default(field, reading, spot)
    return Stated(values, keys)


def _default(field: Field, reading: Reading, spot: Spot) -> Values:
    match field.default:
        case Default.OMIT:
            return {}
        case Default.AT:
            return {field.target: reading.at}
        case Default.ID:
            return {field.target: reading.object_id}
        case None:
            return {field.target: None}
        case value:
            return field.kind.read(value, field.target, reading, spot)


def decimal(value: Any, spot: Spot) -> Decimal:
    """A stated number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        quoted = "; write it without quotes" if isinstance(value, str) and _NUMBER.fullmatch(value) else ""
        raise spot.wrong(f"must be a number, not {shown(value)}{quoted}")
    return value


def whole(value: Any, spot: Spot) -> int:
    """A stated whole number."""
    number = decimal(value, spot)
    if number != number.to_integral_value():
        raise spot.wrong(f"must be a whole number, not {shown(value)}")
    return int(number)


def decimals_of(currency: str) -> int:
    """Digits behind the point; two of what is no currency, which the agent refuses."""
    return DECIMALS.get(currency, 2)


def minor(value: Any, currency: str, spot: Spot) -> int:
    """Minor units of an amount in major units."""
    digits = decimals_of(currency)
    scaled = decimal(value, spot).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise spot.wrong(f"{value} {currency} has more than {digits} decimals")
    return int(scaled)


def scaled(value: Decimal, spot: Spot) -> tuple[int, int]:
    """(integer, scale) of a number with all its digits; trailing zeros behind the point are left out."""
    exponent = value.normalize().as_tuple().exponent
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    if scale > _SCALE_MAX:
        raise spot.wrong(f"{value} has more than {_SCALE_MAX} decimals")
    return int(value.scaleb(scale)), scale


def _money(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    return {target: minor(value, reading.currency, spot)}


def _quantity(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    number, scale = scaled(decimal(value, spot), spot)
    return {target: number, f"{target}_scale": scale}


def _price(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    """A price of one unit may be finer than a minor unit: minor units and a scale of its own."""
    number, scale = scaled(decimal(value, spot).scaleb(decimals_of(reading.currency)), spot)
    return {target: number, f"{target.removesuffix('_minor')}_scale": scale}


def _instant(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    """The end of a day, in microseconds."""
    return {target: (dates.a_day(value, spot) + 1) * 86_400_000_000 - 1}


def _ppm(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    share = decimal(value, spot).scaleb(_PPM_DIGITS)
    if share != share.to_integral_value():
        raise spot.wrong(f"{value} is finer than a millionth")
    return {target: int(share)}


def _day(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: dates.a_day(value, spot)}


def _open_day(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: None if value is None else dates.a_day(value, spot)}


def _period(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: dates.period_label(value, spot)}


def _text(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: spot.text(value)}


def _texts(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: tuple(spot.item(n).text(each) for n, each in enumerate(spot.items(value)))}


def _flag(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: spot.flag(value)}


def _whole(value: Any, target: str, _: Reading, spot: Spot) -> Values:
    return {target: whole(value, spot)}


MONEY = Kind("amount", _money)
QUANTITY = Kind("number", _quantity)
PRICE = Kind("amount per unit", _price)
RATE = Kind("number", _quantity)
INSTANT = Kind("day", _instant)
SHARE = Kind("share, 0..1", _ppm)
DAY = Kind("day", _day)
OPEN_DAY = Kind("day or null", _open_day)
PERIOD = Kind("period", _period)
TEXT = Kind("text", _text)
TEXTS = Kind("list of texts", _texts)
FLAG = Kind("true or false", _flag)
WHOLE = Kind("whole number", _whole)


def records(words: str, struct: type, fields: tuple[Field, ...]) -> Kind:
    """A list of maps, each a record of ``struct``."""

    def read(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
        return {
            target: tuple(
                struct(**read_fields(fields, spot.item(n).a_map(each), reading, spot.item(n)).values)
                for n, each in enumerate(spot.items(value))
            )
        }

    return Kind(words, read)


CHANGES = records(
    "list of {po, qty, from, to, price_change}",
    ev.LineChange,
    (
        Field("po", TEXT, "po"),
        Field("qty", QUANTITY, "quantity", Default.OMIT),
        Field("from", DAY, "from_date", Default.OMIT),
        Field("to", DAY, "to_date", Default.OMIT),
        Field("price_change", MONEY, "price_change_minor", Default.OMIT),
    ),
)
BUNDLES = records(
    "list of {pos, price}", ev.Bundle, (Field("pos", TEXTS, "pos"), Field("price", MONEY, "price_minor"))
)


def _terminable(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    fields = (
        Field("by", TEXT, "by", "customer"),
        Field("notice_days", WHOLE, "notice_days", 0),
        Field("penalty", FLAG, "penalty", default=False),
    )
    return {target: ev.Terminable(**read_fields(fields, spot.a_map(value), reading, spot).values)}


def _ssp_now(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    def each() -> Iterator[ev.SspNow]:
        for po, ssp in spot.a_map(value).items():
            yield ev.SspNow(str(po), minor(ssp, reading.currency, spot.key(po)))

    return {target: tuple(each())}


def _earned(value: Any, target: str, reading: Reading, spot: Spot) -> Values:
    return {
        target: tuple(
            ev.EarnedToDate(str(po), minor(amount, reading.currency, spot.key(po)))
            for po, amount in spot.a_map(value).items()
        )
    }


EARNED = Kind("obligation -> amount", _earned)
TERMINABLE = Kind("{by, notice_days, penalty}", _terminable)
SSP_NOW = Kind("obligation -> amount", _ssp_now)
