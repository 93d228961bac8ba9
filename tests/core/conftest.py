"""Fixtures of the pure tests: the packaged language, and any record of it by chance."""

import msgspec
import pytest
from hypothesis import strategies as st

from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.codec import Codec
from tieout.avro.loading import packaged

_INT = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_DATES = {
    "date": (-719_162, 2_932_896),
    "timestamp-micros": (-62_135_596_800_000_000, 253_402_300_799_999_999),
}
_TYPE_NAME = {event.record: event.name for event in EVENT_TYPES.values()}


def _values(kind, named, most):
    if isinstance(kind, list):
        return st.none() | _values(kind[1], named, most)
    spec = named.get(kind, {"type": kind}) if isinstance(kind, str) else kind
    base = spec["type"]
    if base == "record":
        named[f"{spec['namespace']}.{spec['name']}"] = spec
        return st.fixed_dictionaries({f["name"]: _values(f["type"], named, most) for f in spec["fields"]})
    if base == "array":
        return st.lists(_values(spec["items"], named, most), max_size=min(most, spec["maxItems"]))
    if base == "string":
        return st.text(
            st.characters(exclude_categories=["Cs"]),
            min_size=spec.get("minLength", 0),
            max_size=min(12, spec.get("maxLength", 12)),
        )
    if base in ("fixed", "boolean"):
        return st.booleans() if base == "boolean" else st.binary(min_size=spec["size"], max_size=spec["size"])
    low, high = _DATES.get(spec.get("logicalType"), _INT[base])
    return st.integers(spec.get("minimum", low), spec.get("maximum", high))


@pytest.fixture(scope="session")
def files():
    return packaged()


@pytest.fixture(scope="session")
def codec(files):
    return Codec(files)


@pytest.fixture(scope="session")
def any_record(files):
    """``any_record(name, most=3)``: a strategy of records of that full name, within the bounds of its schema."""

    def build(record, plain):
        if record in _TYPE_NAME:
            plain["envelope"]["event_type"] = _TYPE_NAME[record]
        return msgspec.convert(plain, RECORDS[record].struct)

    def strategy(record, most=3):
        values = _values(files.resolve(record, files.locked(record)[-1].version), {}, most)
        return values.map(lambda plain: build(record, plain))

    return strategy
