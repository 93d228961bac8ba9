"""May these schema files be released? FULL_TRANSITIVE: every released version reads every other, both ways.

Whether one schema reads another is judged by an independent implementation (``Judge``; the command line passes
Apache's), not by the library that this package decodes with. What it cannot know is judged here: released files
stay as they were (fingerprints), ids stay, the limits of a field never change, and a new field of an event leaves the
content hash of older ones as it was.
Invariant: a file set without findings can be released beside every release before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Protocol

from tieout.avro.lint import Finding
from tieout.avro.loading import LockedSchema, RecordFile, SchemaError, SchemaFiles, fingerprint

FIRST_ID = 100
_EVENTS = "tieout.events."
_BOUNDS = ("maxItems", "maxLength", "minLength", "minimum", "maximum", "logicalType")


class Judge(Protocol):
    """Whether data of ``writer`` can be read as ``reader`` (self-contained schemas); the reasons why not."""

    def __call__(self, reader: Mapping[str, Any], writer: Mapping[str, Any]) -> tuple[str, ...]: ...


def check(files: SchemaFiles, judge: Judge) -> tuple[Finding, ...]:
    """Findings over the lock and over unreleased newer versions (which are judged as if released)."""
    findings = [*_lock(files)]
    for record in sorted({entry.record for entry in files.lock}):
        findings += _versions(files, record, judge)
    return tuple(findings)


def unreleased(files: SchemaFiles) -> tuple[RecordFile, ...]:
    """Newer versions of released records, and unreleased records that no other record uses."""
    locked = {(entry.record, entry.version) for entry in files.lock}
    used = {name for record in files.records.values() for name in record.uses}
    return tuple(
        found
        for key, found in sorted(files.records.items())
        if key not in locked and found.record not in used
    )


def release(files: SchemaFiles) -> tuple[LockedSchema, ...]:
    """The lock with every unreleased file added under the next free ids. Existing entries stay as they are."""
    next_id = max((entry.id for entry in files.lock), default=FIRST_ID - 1) + 1
    added = [
        LockedSchema(
            id=next_id + position,
            record=found.record,
            version=found.version,
            file=found.file,
            sha256=fingerprint(files.resolve(found.record, found.version)),
        )
        for position, found in enumerate(unreleased(files))
    ]
    return (*files.lock, *added)


def _lock(files: SchemaFiles) -> Iterator[Finding]:
    ids: dict[int, str] = {}
    for entry in files.lock:
        if entry.id in ids:
            yield Finding(entry.file, "", "lock", f"id {entry.id} already stands for {ids[entry.id]}")
        ids[entry.id] = entry.file
        found = files.records.get((entry.record, entry.version))
        if found is None or found.file != entry.file:
            yield Finding(entry.file, "", "lock", "a released file is missing; restore it from its release")
            continue
        try:
            now = fingerprint(files.resolve(entry.record, entry.version))
        except SchemaError as error:
            yield Finding(entry.file, "", "lock", str(error))
            continue
        if now != entry.sha256:
            yield Finding(
                entry.file,
                "",
                "released",
                "the file, or a record that it uses, changed after its release; restore it and add a new version",
            )


def _versions(files: SchemaFiles, record: str, judge: Judge) -> Iterator[Finding]:
    numbers = sorted(version for name, version in files.records if name == record)
    if numbers != list(range(1, len(numbers) + 1)):
        yield Finding(record, "", "versions", f"versions {numbers} are not 1, 2, 3 without a hole")
    try:
        schemas = {number: files.resolve(record, number) for number in numbers}
    except SchemaError as error:
        yield Finding(record, "", "resolves", str(error))
        return
    for older, newer in combinations(numbers, 2):
        file = files.records[record, newer].file
        for reader, writer in ((newer, older), (older, newer)):
            for reason in judge(schemas[reader], schemas[writer]):
                message = f"version {reader} cannot read version {writer}: {reason}"
                yield Finding(file, "", "compatibility", message)
        yield from _bounds(file, older, schemas[older], schemas[newer])
        if record.startswith(_EVENTS):
            yield from _added(file, older, schemas[older], schemas[newer])


def _bounds(file: str, older: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    before, after = dict(_limits(old, "", {})), dict(_limits(new, "", {}))
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            message = f"limits differ from version {older}: {before[path]} became {after[path]}; keep them"
            yield Finding(file, path, "limits", message)


def _added(file: str, older: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    """Null does not enter the content hash, any other default does: an old event would no longer be its own hash."""
    before = {path for path, _ in _declared(old, "", {})}
    for path, field in _declared(new, "", {}):
        holder = path.rpartition(".")[0].removesuffix("[]")
        is_added = path not in before and (not holder or holder in before)
        if is_added and field.get("default") is not None:
            message = (
                f"it is not in version {older}; let it be null by default, or the hash of old events changes"
            )
            yield Finding(file, path, "hash", message)


def _declared(node: Any, path: str, named: dict[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(field path, field) of every field below; a name used again stands for its definition."""
    for branch in node if isinstance(node, list) else [node]:
        spec = named.get(branch, {"type": branch}) if isinstance(branch, str) else branch
        if spec["type"] == "record":
            named[f"{spec['namespace']}.{spec['name']}"] = spec
            for field in spec["fields"]:
                below = f"{path}.{field['name']}".lstrip(".")
                yield below, field
                yield from _declared(field["type"], below, named)
        elif spec["type"] == "array":
            yield from _declared(spec["items"], f"{path}[]", named)


def _limits(node: Any, path: str, named: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(field path, limits) of every field below; a name used again stands for its definition."""
    for branch in node if isinstance(node, list) else [node]:
        spec = named.get(branch, {"type": branch}) if isinstance(branch, str) else branch
        if spec["type"] == "record":
            named[f"{spec['namespace']}.{spec['name']}"] = spec
            for field in spec["fields"]:
                yield from _limits(field["type"], f"{path}.{field['name']}".lstrip("."), named)
        elif spec["type"] != "null":
            yield path, {key: spec[key] for key in _BOUNDS if key in spec}
            if spec["type"] == "array":
                yield from _limits(spec["items"], f"{path}[]", named)
