"""One schema and one class, compared once, become one tree that a codec can walk without looking anything up.

Invariant: a shape exists only where schema and class agree field by field, and it bounds what bytes can ask for: each
list has a longest length, each item takes a byte or more, nothing contains itself, and the depth is limited. The schema
says how bytes are laid out and how long a list may be; the class says which values are within bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import inspect

from tieout.avro.loading import SchemaError

DEPTH_MAX = 16
"""Records and lists inside each other. Ours go three deep; each level is a call while reading."""
FIELDS_MAX = 64
"""Of one record. Ours have 29 at most; reading keeps them on the stack until the record is built."""
_BITS = {"int": 32, "long": 64}


@dataclass(frozen=True, slots=True)
class Text:
    """A string; ``low`` and ``high`` are its least and most characters."""

    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """An ``int`` or ``long`` of ``bits``; ``low`` and ``high`` are the bounds of the value."""

    bits: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Exactly ``size`` bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list of at most ``most`` items, which the class holds as ``kind``."""

    item: Shape
    most: int
    kind: Literal["tuple", "list"]


@dataclass(frozen=True, slots=True)
class Optional:
    """Null, or the value."""

    value: Shape


@dataclass(frozen=True, slots=True)
class Record:
    """A record: full name, class, and its fields in order."""

    name: str
    struct: type[msgspec.Struct]
    fields: tuple[tuple[str, Shape], ...]


Shape = Text | Whole | Flag | Fixed | Items | Optional | Record


def shape_of(schema: Mapping[str, Any], struct: type[msgspec.Struct]) -> Record:
    """The shape of a self-contained record schema and its class. Raises SchemaError: which field, and what to do."""
    return _Comparison().record(schema, struct, "", schema["name"])


class _Comparison:
    """One run over one schema; ``named`` are the types that it has defined so far, by full name."""

    def __init__(self) -> None:
        self._named: dict[str, Mapping[str, Any]] = {}
        self._open: list[str] = []

    def record(
        self, schema: Mapping[str, Any], struct: type[msgspec.Struct], namespace: str, path: str
    ) -> Record:
        name = self._define(schema, namespace)
        if name in self._open:
            raise SchemaError(f"{path}: {name} contains itself; break the circle")
        if len(self._open) >= DEPTH_MAX:
            raise SchemaError(f"{path}: more than {DEPTH_MAX} records inside each other; flatten the record")
        self._open.append(name)
        described = _fields(struct, path)
        names = [field["name"] for field in schema["fields"]]
        if not names or names != list(described):
            raise SchemaError(f"{path}: the schema has the fields {names}, {struct.__name__} {[*described]}")
        if len(names) > FIELDS_MAX:
            raise SchemaError(
                f"{path}: {name} has {len(names)} fields, at most {FIELDS_MAX} are read; split it"
            )
        inner = name.rpartition(".")[0]
        fields = tuple(
            (
                field["name"],
                self._shape(field["type"], described[field["name"]], inner, f"{path}.{field['name']}"),
            )
            for field in schema["fields"]
        )
        self._open.pop()
        return Record(name, struct, fields)

    def _define(self, schema: Mapping[str, Any], namespace: str) -> str:
        name = _full(schema["name"], schema.get("namespace", namespace))
        self._named[name] = schema
        return name

    def _shape(self, kind: Any, described: inspect.Type, namespace: str, path: str) -> Shape:
        if isinstance(kind, list):
            return self._optional(kind, described, namespace, path)
        spec: Mapping[str, Any] = {"type": kind} if isinstance(kind, str) else kind
        spec = self._named.get(_full(str(spec["type"]), namespace), spec)
        match spec["type"], described:
            case "record", inspect.StructType(cls=cls):
                return self.record(spec, cls, namespace, path)
            case "array", inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
                return self._items(spec, described, item, namespace, path)
            case "fixed", inspect.BytesType(min_length=None, max_length=None) if spec["size"] > 0:
                self._define(spec, namespace)
                return Fixed(spec["size"])
        return _leaf(spec["type"], described, path)

    def _optional(self, kind: list[Any], described: inspect.Type, namespace: str, path: str) -> Optional:
        if len(kind) != 2 or kind[0] != "null" or not isinstance(described, inspect.UnionType):  # noqa: PLR2004 - null and one more
            raise SchemaError(f"{path}: the only union is null and one more type, on both sides")
        rest = [entry for entry in described.types if not isinstance(entry, inspect.NoneType)]
        if len(rest) != 1 or len(rest) == len(described.types):
            raise SchemaError(f"{path}: {described} of the class is not null and one more type")
        return Optional(self._shape(kind[1], rest[0], namespace, path))

    def _items(
        self, spec: Mapping[str, Any], described: Any, item: inspect.Type, namespace: str, path: str
    ) -> Items:
        most = spec.get("maxItems")
        if not isinstance(most, int) or most < 1:
            raise SchemaError(f"{path}: an array needs maxItems, or a short value can name a long list")
        if isinstance(spec["items"], list) or described.min_length or described.max_length is not None:
            raise SchemaError(f"{path}: items are never null, and their number is bounded by maxItems alone")
        kind: Literal["tuple", "list"] = "list" if isinstance(described, inspect.ListType) else "tuple"
        return Items(self._shape(spec["items"], item, namespace, f"{path}[]"), most, kind)


def _full(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _fields(struct: type[msgspec.Struct], path: str) -> dict[str, inspect.Type]:
    """The fields that the class is built from, in order; refuses what a codec that skips msgspec would miss."""
    info = _described(struct)
    renamed = [field.name for field in info.fields if field.name != field.encode_name]
    by_name = len(struct.__match_args__) != len(info.fields)
    if info.tag is not None or info.array_like or renamed or by_name or hasattr(struct, "__post_init__"):
        raise SchemaError(
            f"{path}: {struct.__name__} is tagged, renamed, array-like, keyword-only or has a __post_init__"
        )
    return {field.name: field.type for field in info.fields}


@cache
def _described(struct: type[msgspec.Struct]) -> inspect.StructType:
    """Asked for once per class: looking through annotations is most of what it takes to load the language."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType), struct
    return info


def _leaf(base: Any, described: inspect.Type, path: str) -> Shape:
    match base, described:
        case "string", inspect.StrType(pattern=None):
            return Text(described.min_length or 0, described.max_length)
        case (("int" | "long"), inspect.IntType(gt=None, lt=None, multiple_of=None)):
            edge = 1 << (_BITS[base] - 1)
            low = -edge if described.ge is None else max(-edge, described.ge)
            high = edge - 1 if described.le is None else min(edge - 1, described.le)
            return Whole(_BITS[base], low, high)
        case "boolean", inspect.BoolType():
            return Flag()
    raise SchemaError(
        f"{path}: {base} of the schema and {described} of the class are not one of the pairs that are read: see the"
        " types in avro/lint.py"
    )
