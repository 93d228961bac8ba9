"""Goal: any schema of the language and the class that mirrors it make a codec, and nothing else does. Method: small pairs."""

from typing import Annotated

import msgspec
import pytest

from tieout.avro import record_codec as module
from tieout.avro.loading import SchemaError
from tieout.avro.record_codec import CodecMissing, implementation, record_codec
from tieout.avro.refusals import Undecodable, Unencodable


class Item(msgspec.Struct, frozen=True, gc=False):
    name: str
    count: int


class Order(msgspec.Struct, frozen=True, gc=False):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    day: int
    amount: Annotated[int, msgspec.Meta(ge=-5, le=5)]
    done: bool
    stamp: bytes
    note: str | None
    items: tuple[Item, ...]
    tags: list[str]
    first: Item | None


def array(items, most=4):
    return {"type": "array", "items": items, "maxItems": most}


ITEM = {
    "type": "record",
    "name": "Item",
    "fields": [{"name": "name", "type": "string"}, {"name": "count", "type": "long"}],
}
TYPES = {
    "id": "string",
    "day": "int",
    "amount": "long",
    "done": "boolean",
    "stamp": {"type": "fixed", "name": "Stamp", "size": 2},
    "note": ["null", "string"],
    "items": array(ITEM),
    "tags": array("string", 2),
    "first": ["null", "Item"],
}


def schema(**changed):
    types = {**TYPES, **changed}
    return {
        "type": "record",
        "name": "Order",
        "fields": [{"name": n, "type": t} for n, t in types.items() if t is not None],
    }


ORDER = Order("o1", 7, -5, True, b"ab", None, (Item("x", 1), Item("", -(2**63))), ["t"], Item("y", 2))  # noqa: FBT003 - a field


@pytest.fixture(params=["compiled", "fastavro"])
def orders(request):
    try:
        return record_codec(schema(), Order, request.param)
    except CodecMissing as missing:
        pytest.skip(str(missing))


def reason(codec, value):
    with pytest.raises(Undecodable) as caught:
        codec.decode(value)
    return caught.value.reason


def test_a_record_outside_the_catalogue_comes_back_as_it_went_behind_any_head(orders):
    value = orders.encode(ORDER, b"\x00\x00\x00\x00\x01")
    assert value[:5] == b"\x00\x00\x00\x00\x01"
    assert value[5:] == orders.encode(ORDER)
    read = orders.decode(value, 5)
    assert read == ORDER
    assert type(read.items) is tuple
    assert type(read.tags) is list


BODY = b"\x04o1\x0e\x09\x01ab\x00"
REST = b"\x00\x00\x00"


@pytest.mark.parametrize(
    "items",
    [
        b"\x04\x02x\x02\x02y\x04\x00",
        b"\x02\x02x\x02\x02\x02y\x04\x00",
        b"\x01\x06\x02x\x02\x01\x06\x02y\x04\x00",
        b"\x02\x02x\x02\x01\x06\x02y\x04\x00",
    ],
    ids=["one block", "two blocks", "two blocks with their sizes", "one of each"],
)
def test_a_list_may_come_in_any_number_of_blocks(orders, items):
    assert orders.decode(BODY + items + REST[1:]).items == (Item("x", 1), Item("y", 2))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (b"\x0a" + b"\x00\x00" * 5 + b"\x00", "too_many_items"),
        (b"\x02\x00\x00" * 5 + b"\x00", "too_many_items"),
        (b"\x0a" + b"\x00\x00" * 5, "truncated"),
        (b"\x0a" + b"\x02\xff\x00" * 5 + b"\x00", "malformed"),
        (b"\x02\x00\x00", "truncated"),
    ],
    ids=["one block", "many blocks", "and cut", "and no text", "no end"],
)
def test_what_ends_reading_first_by_weight_is_the_reason(orders, items, expected):
    rest = REST[1:] if items.endswith(b"\x00") and expected != "truncated" else b""
    assert reason(orders, BODY + items + rest) == expected


def test_a_list_too_long_weighs_more_than_a_value_out_of_bounds(orders):
    too_small = BODY.replace(b"\x09", b"\x0b")
    assert reason(orders, too_small + b"\x00" + REST[1:]) == "malformed"
    assert reason(orders, too_small + b"\x0a" + b"\x00\x00" * 5 + b"\x00" + REST[1:]) == "too_many_items"


def test_a_value_out_of_bounds_is_named_by_its_place_in_the_words_of_msgspec(orders):
    with pytest.raises(Undecodable, match=r"Order: Expected `int` >= -5 - at `\$\.amount`"):
        orders.decode(BODY.replace(b"\x09", b"\x0b") + b"\x00" + REST[1:])
    with pytest.raises(Undecodable, match=r"Order: Expected `str` of length <= 8 - at `\$\.id`"):
        orders.decode(b"\x12" + b"x" * 9 + BODY[3:] + b"\x00" + REST[1:])


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (b"\xfe" + b"\xff" * 8 + b"\x01", 2**63 - 1),
        (b"\xff" * 9 + b"\x01", -(2**63)),
        (b"\x81" + b"\x80" * 8 + b"\x00", -1),
        (b"\xff" * 9 + b"\x02", None),
        (b"\xff" * 9 + b"\x81\x00", None),
        (b"\x80" * 10 + b"\x00", None),
    ],
    ids=["largest", "least", "with needless bytes", "65 bits", "11 bytes", "11 bytes of nothing"],
)
def test_the_compiled_codec_reads_numbers_of_64_bits_and_not_one_more(number, read):
    if implementation() != "compiled":
        pytest.skip("the compiled Avro codec is not installed: this machine had no C compiler")
    codec = record_codec(ITEM, Item, "compiled")
    if read is None:
        assert reason(codec, b"\x00" + number) == "malformed"
    else:
        assert codec.decode(b"\x00" + number) == Item("", read)


@pytest.mark.parametrize("size", [2, 4, 0, -1, 2**40, -(2**40)])
def test_the_compiled_codec_reads_no_block_that_states_another_size_than_it_has(size):
    if implementation() != "compiled":
        pytest.skip("the compiled Avro codec is not installed: this machine had no C compiler")
    codec = record_codec(schema(), Order, "compiled")
    before, after = BODY + b"\x01", b"\x02x\x02\x00" + REST[1:]
    with pytest.raises(Undecodable, match=r"a block of another size - at `\$\.items`"):
        codec.decode(before + number_bytes(size) + after)
    assert codec.decode(before + number_bytes(3) + after).items == (Item("x", 1),)


def number_bytes(number):
    """An Avro long, written by the reference."""
    item = record_codec(ITEM, Item, "fastavro").encode(Item("", number))
    return item[1:]


def test_an_offset_behind_the_end_is_a_record_cut_short(orders):
    with pytest.raises(Undecodable) as caught:
        orders.decode(b"\x00", 3)
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    "wrong",
    [{"id": 5}, {"day": "x"}, {"day": 2**70}, {"stamp": b"abc"}, {"items": (5,)}, {"first": 5}, {"note": 5},
     {"id": "\ud800"}, {"items": (Item("", 0),) * 5}, {"items": (Item("x", None),)}, {"items": None}],
    ids=str,
)  # fmt: skip
def test_a_value_of_another_type_cannot_be_written(orders, wrong):
    with pytest.raises(Unencodable, match="Order does not fit its schema"):
        orders.encode(msgspec.structs.replace(ORDER, **wrong))


def test_a_record_of_another_class_cannot_be_written(orders):
    with pytest.raises(Unencodable, match="Item does not fit its schema:"):
        orders.encode(Item("x", 1))


@pytest.mark.parametrize("wrong", [{"day": 2**31}, {"done": 1}, {"done": None}], ids=str)
def test_the_compiled_codec_writes_no_int_of_33_bits_and_no_flag_that_is_none(wrong):
    """Stricter than fastavro, which writes bytes that Avro for Java cannot read, and any object as a flag."""
    if implementation() != "compiled":
        pytest.skip("the compiled Avro codec is not installed: this machine had no C compiler")
    order = msgspec.structs.replace(ORDER, **wrong)
    record_codec(schema(), Order, "fastavro").encode(order)
    with pytest.raises(Unencodable, match="Order does not fit"):
        record_codec(schema(), Order, "compiled").encode(order)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"note": None}, "the schema has the fields"),
        ({"day": "double"}, r"Order\.day: double"),
        ({"day": "string"}, r"Order\.day: string"),
        ({"note": "string"}, r"Order\.note"),
        ({"note": ["null", "string", "int"]}, "the only union is null and one more"),
        ({"note": ["string", "null"]}, "the only union is null and one more"),
        ({"tags": {"type": "array", "items": "string"}}, "an array needs maxItems"),
        ({"tags": array(["null", "string"])}, "items are never null"),
        ({"stamp": {"type": "fixed", "name": "Stamp", "size": 0}}, r"Order\.stamp: fixed"),
        ({"first": ["null", "Order"]}, "contains itself"),
        ({"items": array({**ITEM, "fields": []})}, "the schema has the fields"),
    ],
    ids=str,
)
def test_a_schema_and_a_class_that_differ_or_are_unbounded_make_no_codec(changed, why):
    struct = Order if "first" not in changed else Loop
    with pytest.raises(SchemaError, match=why):
        record_codec(schema(**changed), struct)


class Loop(msgspec.Struct, frozen=True):
    id: str
    day: int
    amount: int
    done: bool
    stamp: bytes
    note: str | None
    items: tuple[Item, ...]
    tags: list[str]
    first: "Loop | None"


def nested(depth):
    struct, kind = Item, {**ITEM, "name": "Level0"}
    for level in range(1, depth):
        struct = msgspec.defstruct(f"Level{level}", [("inner", struct)])
        kind = {"type": "record", "name": f"Level{level}", "fields": [{"name": "inner", "type": kind}]}
    return kind, struct


def test_records_inside_each_other_have_a_depth_limit():
    record_codec(*nested(16))
    with pytest.raises(SchemaError, match="more than 16 records inside each other"):
        record_codec(*nested(17))


def wide(fields):
    names = [f"f{number}" for number in range(fields)]
    kind = {"type": "record", "name": "Wide", "fields": [{"name": name, "type": "int"} for name in names]}
    return kind, msgspec.defstruct("Wide", [(name, int) for name in names])


def test_a_record_has_at_most_64_fields():
    kind, struct = wide(64)
    for wanted in ("auto", "fastavro"):
        codec = record_codec(kind, struct, wanted)
        assert codec.decode(codec.encode(struct(*range(64)))) == struct(*range(64))
        with pytest.raises(SchemaError, match="65 fields, at most 64"):
            record_codec(*wide(65), wanted)


class Checked(msgspec.Struct):
    name: str
    item_count: int

    def __post_init__(self):
        raise AssertionError("a codec that builds records without msgspec's decoder must still call it")


@pytest.mark.parametrize(
    "options",
    [{"tag": True}, {"array_like": True}, {"rename": "camel"}, {"kw_only": True}, {"bases": (Checked,)}],
    ids=str,
)
def test_a_class_that_msgspec_writes_otherwise_makes_no_codec(options):
    fields = [] if "bases" in options else [("name", str), ("item_count", int)]
    struct = msgspec.defstruct("Item", fields, **options)
    renamed = {**ITEM, "fields": [ITEM["fields"][0], {"name": "item_count", "type": "long"}]}
    with pytest.raises(SchemaError, match="tagged, renamed, array-like"):
        record_codec(renamed, struct)


def test_auto_takes_the_compiled_codec_where_it_is_installed_and_fastavro_elsewhere(monkeypatch):
    assert implementation("fastavro") == "fastavro"
    if module.CompiledRecords is not None:
        assert implementation() == implementation("compiled") == "compiled"
        assert isinstance(record_codec(schema(), Order), module.CompiledRecords)
    monkeypatch.setattr(module, "CompiledRecords", None)
    assert implementation() == "fastavro"
    assert record_codec(schema(), Order).decode(record_codec(schema(), Order).encode(ORDER)) == ORDER
    with pytest.raises(CodecMissing, match="install a C compiler"):
        implementation("compiled")
