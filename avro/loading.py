"""Schema files into self-contained schemas: each record's file names the versions of the records it ``uses``.

One file per record and version keeps a released file untouched for ever; what Avro needs is one schema with every
nested record inside. Invariant: resolving reads nothing but the given files, so the same files give the same
schema, fingerprint included. The pure folders read packaged files alone: the schemas here, and in built_from.py the
compiled codec's sources.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

Json = Any
"""Parsed JSON of a schema: str, list (a union) or dict."""

_REFERRING = ("type", "items", "values", "fields")


class SchemaError(ValueError):
    """A schema file or the lock is wrong. Says which file, what, and what to do."""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One ``.avsc`` file: ``record`` is the full name, ``uses`` full name -> version of nested records."""

    record: str
    version: int
    file: str
    uses: Mapping[str, int]
    schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class LockedSchema:
    """One released schema: its id on the wire and the fingerprint it was released with (hex SHA-256)."""

    id: int
    record: str
    version: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SchemaFiles:
    """All record files and the lock, as read. ``records`` is keyed by (full name, version)."""

    records: Mapping[tuple[str, int], RecordFile]
    lock: tuple[LockedSchema, ...]

    def resolve(self, record: str, version: int) -> dict[str, Json]:
        """One self-contained schema: each nested record stands where it is first used.

        Raises SchemaError for an unknown file, a name that ``uses`` does not list, and recursion.
        """
        return _Resolver(self.records).record(record, version, ())

    def locked(self, record: str) -> tuple[LockedSchema, ...]:
        """Released versions of one record, oldest first."""
        return tuple(sorted((e for e in self.lock if e.record == record), key=lambda e: e.version))


class _Resolver:
    """One run over one record file; ``seen`` are the names already defined in the result."""

    def __init__(self, records: Mapping[tuple[str, int], RecordFile]) -> None:
        self._records = records
        self._seen: dict[str, int] = {}

    def record(self, name: str, version: int, path: tuple[str, ...]) -> dict[str, Json]:
        if name in path:
            raise SchemaError(f"{name} contains itself ({' > '.join((*path, name))}); break the circle")
        found = self._records.get((name, version))
        if found is None:
            raise SchemaError(f"no schema file for {name} version {version}; add it or correct 'uses'")
        self._seen[name] = version
        result = {key: value for key, value in found.schema.items() if key != "uses"}
        result["fields"] = [
            {**field, "type": self._type(field["type"], found, (*path, name))}
            for field in found.schema["fields"]
        ]
        return result

    def _type(self, kind: Json, owner: RecordFile, path: tuple[str, ...]) -> Json:
        if isinstance(kind, list):
            return [self._type(branch, owner, path) for branch in kind]
        if isinstance(kind, dict):
            return {
                key: self._type(value, owner, path) if key in _REFERRING else value
                for key, value in kind.items()
            }
        if "." not in kind:
            return kind
        version = owner.uses.get(kind)
        if version is None:
            raise SchemaError(f"{owner.file} names {kind} without its version; add it to 'uses'")
        if self._seen.get(kind, version) != version:
            raise SchemaError(f"{owner.file} uses {kind} in two versions; one schema can hold one of them")
        if kind in self._seen and kind not in path:
            return kind
        return self.record(kind, version, path)


def fingerprint(resolved: Mapping[str, Json]) -> str:
    """Hex SHA-256 of what decides bytes and acceptance: all of the resolved schema but ``doc`` and ``pii``."""
    text = json.dumps(_essence(resolved), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _essence(node: Json) -> Json:
    if isinstance(node, dict):
        return {key: _essence(value) for key, value in node.items() if key not in ("doc", "pii")}
    if isinstance(node, list):
        return [_essence(item) for item in node]
    return node


def record_file(file: str, text: str) -> RecordFile:
    """Read one file; ``file`` is its path from the avro folder, ending in ``.v<version>.avsc``."""
    try:
        schema = json.loads(text)
        version = int(file.rsplit(".v", 1)[1].removesuffix(".avsc"))
        return RecordFile(
            record=f"{schema['namespace']}.{schema['name']}",
            version=version,
            file=file,
            uses=schema.get("uses", {}),
            schema=schema,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise SchemaError(
            f"{file} is not a record file ({error!r}); it needs name, namespace and .v<n>.avsc"
        ) from error


def read_lock(text: str) -> tuple[LockedSchema, ...]:
    """Read the lock file: a JSON object with a ``schemas`` list. Raises SchemaError."""
    try:
        entries = json.loads(text)["schemas"]
        return tuple(LockedSchema(**{"sha256": "", **entry}) for entry in entries)
    except (ValueError, KeyError, TypeError) as error:
        raise SchemaError(
            f"schemas.lock.json cannot be read ({error!r}); restore the released one"
        ) from error


def lock_text(entries: tuple[LockedSchema, ...]) -> str:
    """The lock file's text; ids stay as they are."""
    rows = [
        {"id": e.id, "record": e.record, "version": e.version, "file": e.file, "sha256": e.sha256}
        for e in sorted(entries, key=lambda e: e.id)
    ]
    return json.dumps({"schemas": rows}, indent=1) + "\n"


def packaged() -> SchemaFiles:
    """The schema files and lock that ship with this package."""
    return from_folder(resources.files("tieout.avro"))


def from_folder(root: Traversable) -> SchemaFiles:
    """Read a folder that holds ``schemas/<system>/*.avsc`` and ``schemas.lock.json``. Raises SchemaError, OSError."""
    files = [record_file(name, node.read_text("utf-8")) for name, node in _avsc(root)]
    return SchemaFiles(
        records={(f.record, f.version): f for f in files},
        lock=read_lock((root / "schemas.lock.json").read_text("utf-8")),
    )


def _avsc(root: Traversable) -> Iterator[tuple[str, Traversable]]:
    for folder in sorted((root / "schemas").iterdir(), key=lambda node: node.name):
        for node in sorted(folder.iterdir(), key=lambda node: node.name):
            if node.name.endswith(".avsc"):
                yield f"schemas/{folder.name}/{node.name}", node
