"""Goal: the records in Python and the schema files say the same, field by field. Method: compare both descriptions."""

import importlib
import types
import typing

import msgspec
import pytest

from tieout.avro.catalogue import EVENT_TYPES, RECORDS, full_name
from tieout.avro.loading import packaged

FILES = packaged()
BOUNDS = {"minLength": "min_length", "maxLength": "max_length", "minimum": "ge", "maximum": "le"}
LOGICAL = {
    "date": (-719_162, 2_932_896),
    "timestamp-micros": (-62_135_596_800_000_000, 253_402_300_799_999_999),
}
ANY_LONG = {"minimum": -(2**63), "maximum": 2**63 - 1}


def struct_of(name):
    _, module, cls = name.split(".")
    return getattr(importlib.import_module(f"tieout.avro.{module}"), cls)


def shape_of_type(hint):
    """(kind, nullable, bounds) of one annotation; kind is a plain type, a record name, or ("array", shape)."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        kind, _, bounds = shape_of_type(inner[0])
        return kind, True, bounds
    if typing.get_origin(hint) is typing.Annotated:
        kind, nullable, _ = shape_of_type(hint.__origin__)
        meta = hint.__metadata__[0]
        found = {key: getattr(meta, attr) for key, attr in BOUNDS.items()}
        bounds = {key: value for key, value in found.items() if value is not None}
        return kind, nullable, {} if bounds == ANY_LONG else bounds
    if typing.get_origin(hint) is tuple:
        return ("array", shape_of_type(typing.get_args(hint)[0])), False, {}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return full_name(hint), False, {}
    return {str: "string", int: "integer", bool: "boolean", bytes: "fixed"}[hint], False, {}


def shape_of_schema(kind):
    if isinstance(kind, list):
        inner, _, bounds = shape_of_schema(kind[1])
        return inner, True, bounds
    spec = {"type": kind} if isinstance(kind, str) else kind
    base = spec["type"]
    if base == "array":
        return ("array", shape_of_schema(spec["items"])), False, {}
    bounds = {key: spec[key] for key in BOUNDS if key in spec}
    if spec.get("logicalType") in LOGICAL:
        bounds = dict(zip(("minimum", "maximum"), LOGICAL[spec["logicalType"]], strict=True))
    return {"int": "integer", "long": "integer"}.get(base, base), False, bounds


@pytest.mark.parametrize(("record", "version"), sorted(FILES.records), ids=str)
def test_each_field_has_the_same_name_place_type_and_bounds_in_python_and_avro(record, version):
    newest = max(v for name, v in FILES.records if name == record)
    if version != newest:
        pytest.skip("the record in Python mirrors the newest version")
    struct = struct_of(record)
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = FILES.records[record, version].schema["fields"]
    assert [field["name"] for field in fields] == list(struct.__struct_fields__)
    for field in fields:
        assert shape_of_type(hints[field["name"]]) == shape_of_schema(field["type"]), field["name"]


def test_the_catalogue_names_exactly_the_released_records():
    assert {entry.record for entry in FILES.lock} == set(RECORDS)


def test_every_event_type_is_in_the_catalogue_under_the_name_that_its_class_carries():
    assert {name: event.struct.EVENT_TYPE for name, event in EVENT_TYPES.items()} == {
        n: n for n in EVENT_TYPES
    }
    assert {e.record for e in EVENT_TYPES.values()} == {
        r.record for r in RECORDS.values() if r.role == "event"
    }


def test_contract_versions_are_a_sequence_documents_are_versions_and_the_rest_commutes():
    modes = {name: event.ordering for name, event in EVENT_TYPES.items()}
    assert {name for name, mode in modes.items() if mode == "sequence"} == {
        "contract_activated",
        "contract_amended",
        "contract_renewed",
        "contract_cancelled",
        "contract_suspended",
        "contract_resumed",
        "owner_transferred",
        "contract_opened_midlife",
    }
    assert {name for name, mode in modes.items() if mode == "version"} == {
        "invoice_posted",
        "credit_memo_issued",
        "debit_memo_issued",
        "contract_snapshot",
    }
