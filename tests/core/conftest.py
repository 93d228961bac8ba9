"""Fixtures of the pure tests: the packaged language, and any record of it by chance."""

import msgspec
import pytest
from hypothesis import strategies as st

from tieout.avro.catalogue import EVENT_TYPES, RECORDS
from tieout.avro.codec import Codec
from tieout.avro.loading import packaged
from tieout.avro.record_codec import CodecMissing

_INT = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_DATES = {
    "date": (-719_162, 2_932_896),
    "timestamp-micros": (-62_135_596_800_000_000, 253_402_300_799_999_999),
}
_TYPE_NAME = {event.record: event.name for event in EVENT_TYPES.values()}


def _values(kind, named, least, most):
    if isinstance(kind, list):
        value = _values(kind[1], named, least, most)
        is_wanted_list = least > 0 and isinstance(kind[1], dict) and kind[1]["type"] == "array"
        return value if is_wanted_list else st.none() | value
    spec = named.get(kind, {"type": kind}) if isinstance(kind, str) else kind
    base = spec["type"]
    if base == "record":
        named[f"{spec['namespace']}.{spec['name']}"] = spec
        return st.fixed_dictionaries(
            {f["name"]: _values(f["type"], named, least, most) for f in spec["fields"]}
        )
    if base == "array":
        return st.lists(
            _values(spec["items"], named, least, most), min_size=least, max_size=min(most, spec["maxItems"])
        )
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


@pytest.fixture(scope="session", params=["compiled", "fastavro"])
def codec(request, files):
    """Whatever is true of the codec is true of both implementations."""
    return installed(lambda: Codec(files, request.param))


def installed(make):
    """What ``make`` makes with the compiled codec; a skip where it is not installed."""
    try:
        return make()
    except CodecMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def any_record(files):
    """``any_record(name, least=0, most=3)``: a strategy of records within the bounds of that schema, with ``least`` to
    ``most`` items in each list, which is not null then where it could be."""

    def build(record, plain):
        if record in _TYPE_NAME:
            plain["envelope"]["event_type"] = _TYPE_NAME[record]
        return msgspec.convert(plain, RECORDS[record].struct)

    def strategy(record, least=0, most=3):
        values = _values(files.resolve(record, files.locked(record)[-1].version), {}, least, most)
        return values.map(lambda plain: build(record, plain))

    return strategy
