"""What a schema file may say. Most attacks on a decoder and most silent money errors end at these rules.

Invariant: a schema without findings cannot recurse, cannot name an unbounded list, has no float, ``decimal`` or open
``bytes``, says for every string whether it is personal, and can gain fields without breaking a reader. Why each rule:
measured on fastavro, recursion ends the process, ``decimal`` rounds silently, seven bytes can name gigabytes of list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.avro.loading import RecordFile, SchemaError, SchemaFiles

PII_CLASSES = ("none", "personal")
INPUTS = ("events", "control", "reference")
"""Folders whose records others write: their strings are bounded one by one, ours by what they are made from."""
FIRST_FIELD: Mapping[str, tuple[str, str]] = {
    "events": ("envelope", "tieout.events.Envelope"),
    "control": ("header", "tieout.control.ControlHeader"),
    "commands": ("header", "tieout.commands.CommandHeader"),
    "reference": ("header", "tieout.reference.ReferenceHeader"),
}
WITHOUT_HEADER = frozenset(
    {"tieout.control.Tick", "tieout.control.ControlReceipt", "tieout.control.CommandResolved"}
)
"""Written by a task, about its own partition or a command of its own: no request's header is theirs to carry."""

_PLAIN = frozenset({"boolean", "int", "long", "string"})
_FIELD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_RECORD = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_SUFFIX_TYPES: Mapping[str, tuple[str, str | None]] = {
    "_minor": ("long", None),
    "_date": ("int", "date"),
    "_at": ("long", "timestamp-micros"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: where (file, field path), which rule, what it is and what to do."""

    file: str
    path: str
    rule: str
    message: str


def lint(files: SchemaFiles) -> tuple[Finding, ...]:
    """All findings over all files, in file order. Empty when the language may be released."""
    findings: list[Finding] = []
    top_level = {entry.record for entry in files.lock}
    used = {name for record in files.records.values() for name in record.uses}
    for _, record in sorted(files.records.items()):
        findings += _names(record)
        findings += _fields(record)
        findings += _resolvable(files, record)
        findings += _used_names(record)
        if record.record not in used:
            findings += _first_field(record)
            if record.record not in top_level:
                findings.append(
                    Finding(record.file, "", "unused", "neither released in the lock nor used by a record")
                )
    return tuple(findings)


def _names(record: RecordFile) -> Iterator[Finding]:
    folder, stem = record.file.split("/")[-2:]
    name, namespace = record.schema["name"], record.schema["namespace"]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if namespace != f"tieout.{folder}":
        yield Finding(
            record.file, "", "names", f"namespace {namespace} must be tieout.{folder}, as its folder"
        )
    if not _RECORD.match(name) or stem != f"{snake}.v{record.version}.avsc":
        yield Finding(record.file, "", "names", f"record {name} belongs in {snake}.v{record.version}.avsc")
    if not record.schema.get("doc"):
        yield Finding(record.file, "", "doc", "say in 'doc' what this record means")


def _first_field(record: RecordFile) -> Iterator[Finding]:
    expected = FIRST_FIELD.get(record.file.split("/")[-2])
    if expected is None or record.record in WITHOUT_HEADER:
        return
    fields = record.schema["fields"]
    if not fields or (fields[0]["name"], fields[0]["type"]) != expected:
        name, kind = expected
        yield Finding(record.file, name, "header_first", f"the first field must be {name}: {kind}")


def _resolvable(files: SchemaFiles, record: RecordFile) -> Iterator[Finding]:
    try:
        files.resolve(record.record, record.version)
    except SchemaError as error:
        yield Finding(record.file, "", "resolves", str(error))


def _used_names(record: RecordFile) -> Iterator[Finding]:
    named = {name for field in record.schema["fields"] for name in _references(field["type"])}
    for name in sorted(set(record.uses) - named):
        yield Finding(record.file, "uses", "resolves", f"{name} is listed in 'uses' but no field names it")


def _references(kind: Any) -> Iterator[str]:
    if isinstance(kind, str):
        if "." in kind:
            yield kind
    elif isinstance(kind, list):
        for branch in kind:
            yield from _references(branch)
    else:
        yield from _references(kind.get("items", []))


def _fields(record: RecordFile) -> Iterator[Finding]:
    is_input = record.file.split("/")[-2] in INPUTS
    if not record.schema["fields"]:
        yield Finding(record.file, "", "zero_size", "a record without fields takes no bytes; give it one")
    for field in record.schema["fields"]:
        name = field["name"]
        if not _FIELD.match(name):
            yield Finding(record.file, name, "names", "field names are snake_case")
        for rule, message in (*_nullable(field), *_type(field["type"], is_input), *_unit(field)):
            yield Finding(record.file, name, rule, message)


def _nullable(field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = field["type"]
    if isinstance(kind, list) and not (len(kind) == 2 and kind[0] == "null"):  # noqa: PLR2004 - null and one more
        yield "union", "the only union is null, then one type"
    if isinstance(kind, list) and field.get("default", "absent") is not None:
        yield "nullable", "a nullable field has default null, so that it can be added and left out"


def _type(kind: Any, is_input: bool) -> Iterator[tuple[str, str]]:
    if isinstance(kind, list):
        for branch in kind:
            if branch != "null":
                yield from _type(branch, is_input)
        return
    spec: Mapping[str, Any] = {"type": kind} if isinstance(kind, str) else kind
    base = spec["type"]
    if spec.get("logicalType") == "decimal":
        yield "decimal", "decimal rounds silently; amounts are long minor units, rates long with a scale"
    elif base == "string":
        yield from _string(spec, is_input)
    elif base == "array":
        yield from _array(spec, is_input)
    elif base == "fixed":
        if not 0 < spec.get("size", 0) <= 64:  # noqa: PLR2004 - the largest digest there is
            yield "zero_size", "fixed needs a size from 1 to 64 bytes"
    elif base not in _PLAIN and "." not in str(base):
        yield "banned_type", f"{base} is not part of the language; see the rules in avro/lint.py"


def _string(spec: Mapping[str, Any], is_input: bool) -> Iterator[tuple[str, str]]:
    if spec.get("pii") not in PII_CLASSES:
        yield "pii", f"say whether this string is personal: pii is one of {', '.join(PII_CLASSES)}"
    if is_input and spec.get("maxLength", 0) < 1:
        yield "unbounded", "a string that others write needs maxLength: it becomes part of keys and rows"


def _array(spec: Mapping[str, Any], is_input: bool) -> Iterator[tuple[str, str]]:
    most = spec.get("maxItems")
    if not isinstance(most, int) or not 0 < most <= 10_000:  # noqa: PLR2004 - far above any list of ours
        yield "unbounded", "an array needs maxItems (1 to 10000): a short value can name a long list"
    items = spec["items"]
    if isinstance(items, list) or items == "null":
        yield "zero_size", "items that can be null take no bytes; a list of them is a bomb"
    else:
        yield from _type(items, is_input)


def _unit(field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for suffix, (base, logical) in _SUFFIX_TYPES.items():
        if field["name"].endswith(suffix):
            kind = field["type"][-1] if isinstance(field["type"], list) else field["type"]
            spec = {"type": kind} if isinstance(kind, str) else kind
            if (spec["type"], spec.get("logicalType")) != (base, logical):
                yield "unit", f"a name that ends in {suffix} is {base}{f' ({logical})' if logical else ''}"
