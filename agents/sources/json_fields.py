"""Stated values to a record's fields and back, by the record's own annotations, with the path of every fault.

Invariant: a converter either returns what was stated, exactly, or raises ``NotAnEvent``; converters are built once
per record class from its annotations, so a field added to a record is read here without a change.
"""

from __future__ import annotations

import datetime as dt
import json
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from tieout.avro.days import date_of, day_of
from tieout.avro.events import Day, Micros

COMPUTED = frozenset({"event_type", "content_hash"})
"""Fields that nobody states: they follow from the rest of the event."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_SHOWN_CHARACTERS = 40


class NotAnEvent(ValueError):  # noqa: N818 - what the line is
    """One fault of one line: ``field`` (a path, empty for the line itself), ``what`` is wrong, ``remedy``."""

    def __init__(self, field: str, what: str, remedy: str) -> None:
        super().__init__(f"{field}: {what}; {remedy}" if field else f"{what}; {remedy}")
        self.field = field
        self.what = what
        self.remedy = remedy


Convert = Callable[[Any, str], Any]
"""(stated value, its path) -> the record's value; raises NotAnEvent."""


@cache
def converter_of(struct: type[msgspec.Struct]) -> Convert:
    """Converter of one record class; built once from its annotations."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = msgspec.structs.fields(struct)
    converters = {field.name: _converter(hints[field.name]) for field in fields}
    optional = {
        field.name: None if field.required else field.default
        for field in fields
        if not field.required or _is_nullable(hints[field.name])
    }

    def convert(stated: Any, path: str) -> Any:
        if not isinstance(stated, dict):
            raise NotAnEvent(path, f"is {kind_of(stated)}", "write an object")
        prefix = f"{path}." if path else ""
        for name in stated:
            if name not in converters:
                known = ", ".join(name for name in converters if name not in COMPUTED)
                raise NotAnEvent(f"{prefix}{clipped(name)}", "is not a field of this record", f"use {known}")
        values = {}
        for name, converter in converters.items():
            if name in stated:
                values[name] = converter(stated[name], f"{prefix}{name}")
            elif name in optional:
                values[name] = optional[name]
            else:
                raise NotAnEvent(f"{prefix}{name}", "is missing", "state it")
        return struct(**values)

    return convert


def _is_nullable(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _converter(hint: Any) -> Convert:
    if _is_nullable(hint):
        inner = _converter(next(arg for arg in typing.get_args(hint) if arg is not type(None)))
        return lambda stated, path: None if stated is None else inner(stated, path)
    if typing.get_origin(hint) is tuple:
        return _items(_converter(typing.get_args(hint)[0]))
    if hint in _BY_HINT:
        return _BY_HINT[hint]
    if typing.get_origin(hint) is typing.Annotated:
        meta = hint.__metadata__[0]
        return _integer(meta) if hint.__origin__ is int else _text(meta)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return converter_of(hint)
    assert hint in _PLAIN, hint
    return _PLAIN[hint]


def _items(converter: Convert) -> Convert:
    def convert(stated: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(stated, list):
            raise NotAnEvent(path, f"is {kind_of(stated)}", "write a list")
        return tuple(converter(item, f"{path}[{index}]") for index, item in enumerate(stated))

    return convert


def _integer(meta: msgspec.Meta | None) -> Convert:
    low, high = (-(2**31), 2**31 - 1) if meta is None else (meta.ge, meta.le)
    assert low is not None
    assert high is not None

    def convert(stated: Any, path: str) -> int:
        if isinstance(stated, float):
            raise NotAnEvent(path, f"{stated!r} is not an integer", _INTEGER_REMEDY)
        if not isinstance(stated, int) or isinstance(stated, bool):
            raise NotAnEvent(path, f"is {kind_of(stated)}", _INTEGER_REMEDY)
        if not low <= stated <= high:
            raise NotAnEvent(path, f"{clipped(str(stated))} is out of range", f"write {low} to {high}")
        return stated

    return convert


_INTEGER_REMEDY: Final = (
    "write an integer: amounts in minor units (12.50 EUR is 1250), quantities with a *_scale"
)


def _text(meta: msgspec.Meta) -> Convert:
    def convert(stated: Any, path: str) -> str:
        if not isinstance(stated, str):
            raise NotAnEvent(path, f"is {kind_of(stated)}", "write text in quotes")
        if not (meta.min_length or 0) <= len(stated) <= (meta.max_length or 0):
            limits = f"write {meta.min_length or 0} to {meta.max_length} characters"
            raise NotAnEvent(path, f"has {len(stated)} characters", limits)
        if any("\ud800" <= character <= "\udfff" for character in stated):
            raise NotAnEvent(path, "has half of a surrogate pair", "write whole characters")
        return stated

    return convert


def _day(stated: Any, path: str) -> int:
    try:
        return day_of(dt.date.fromisoformat(stated))
    except (TypeError, ValueError):
        raise NotAnEvent(
            path, f"{shown(stated)} is not a day", "write an ISO date such as 2025-01-31"
        ) from None


def _micros(stated: Any, path: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(stated)
        return (moment - _EPOCH) // _MICROSECOND
    except (TypeError, ValueError, OverflowError):
        remedy = "write an ISO timestamp with its offset, such as 2025-01-31T08:00:00Z"
        raise NotAnEvent(path, f"{shown(stated)} is not a time", remedy) from None


def _boolean(stated: Any, path: str) -> bool:
    if not isinstance(stated, bool):
        raise NotAnEvent(path, f"is {kind_of(stated)}", "write true or false")
    return stated


_BY_HINT: Final[Mapping[Any, Convert]] = {Day: _day, Micros: _micros}
_PLAIN: Final[Mapping[Any, Convert]] = {
    int: _integer(None),
    bool: _boolean,
    bytes: lambda stated, _path: stated,
}


def to_plain(hint: Any, value: Any) -> Any:
    """The reverse: a record's value as JSON, by its annotation; null fields are left out."""
    inner = (
        next(arg for arg in typing.get_args(hint) if arg is not type(None)) if _is_nullable(hint) else hint
    )
    if isinstance(value, tuple):
        return [to_plain(typing.get_args(inner)[0], item) for item in value]
    if isinstance(value, msgspec.Struct):
        hints = _hints(type(value))
        pairs = ((name, to_plain(hints[name], getattr(value, name))) for name in value.__struct_fields__)
        return {name: plain for name, plain in pairs if plain is not None}
    if value is not None and inner == Day:
        return date_of(value).isoformat()
    if value is not None and inner == Micros:
        return (_EPOCH + value * _MICROSECOND).isoformat().replace("+00:00", "Z")
    return value


@cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def kind_of(value: Any) -> str:
    """What a stated value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def shown(value: Any) -> str:
    """A stated value, short enough for a message."""
    return clipped(json.dumps(value, ensure_ascii=True, default=str))


def clipped(text: str) -> str:
    """Text, short enough for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
