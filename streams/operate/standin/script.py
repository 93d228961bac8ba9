"""How the stand-in ERP behaves: what it knows, how slow it is, and what it does wrong.

Invariant: every chance is drawn from ``seed``, a document's id and the number of the attempt, so that the same commands
meet the same faults however their calls interleave.
"""

from __future__ import annotations

import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec

_WHOLE = float(1 << 64)


class ScriptRefused(ValueError):  # noqa: N818 - read aloud: the script was refused
    """The script cannot be played. Says which key, and what to write."""


class Company(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Master data of one legal entity; an empty list of accounts, items, tax codes or dimensions (NAME=VALUE) takes any.

    ``closed``: months that take no posting (2025-01). ``receivable``: the account that customers owe on.
    """

    currency: str = "USD"
    receivable: str = "1200"
    accounts: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tax_codes: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it; rates are shares of calls (0 to 1), times in milliseconds.

    ``slots``: calls at once, 0 for any number; one more is answered as ``over_slots`` says: HTTP 429 with Retry-After, or
    NetSuite's HTTP 400 SSS_REQUEST_LIMIT_EXCEEDED. ``latency_spread_ms``: of a uniform distribution around ``latency_ms``,
    or the mean of what an exponential one adds. ``duplicates``: whether a known id is answered as success or as an error.
    ``lost_rate``: the answer is lost after the commit; ``reset_rate``: the connection breaks before it; ``hang_rate``: the
    answer comes ``hang_ms`` after the commit; ``unavailable_rate``: HTTP 503, nothing done. ``business_error_rate``: share
    of ids that are refused until mended, or ``business_error_attempts`` times where that is not 0. ``master_data``:
    customers have to be made before they are used. ``fsync``: "group" has an answer wait until the disk has the record;
    "none" survives a killed process, not a lost machine.
    """

    key: str | None = None
    seed: int = 1
    slots: int = 0
    over_slots: Literal["429", "400"] = "429"
    retry_after_seconds: int | None = None
    latency_ms: float = 0.0
    latency_spread_ms: float = 0.0
    latency_shape: Literal["uniform", "exponential"] = "uniform"
    latency_per_item_ms: float = 0.0
    duplicates: Literal["success", "error"] = "success"
    lost_rate: float = 0.0
    reset_rate: float = 0.0
    hang_rate: float = 0.0
    hang_ms: float = 60_000.0
    unavailable_rate: float = 0.0
    business_error_rate: float = 0.0
    business_error_attempts: int = 0
    master_data: Literal["required", "lenient"] = "required"
    fsync: Literal["none", "group"] = "none"
    companies: dict[str, Company] = {}

    def company(self, entity: str) -> Company | None:
        """The company of a legal entity; where none is listed at all, any entity is a company without master data."""
        return self.companies.get(entity) if self.companies else _ANY

    def chance(self, what: str, document: str, attempt: int) -> float:
        """A number from 0 up to, not including, 1: always the same for the same question."""
        text = f"{self.seed}/{what}/{document}/{attempt}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest()) / _WHOLE

    def changed(self, changes: Any) -> Script:
        """The script with some keys replaced. Raises ScriptRefused."""
        if not isinstance(changes, dict):
            raise ScriptRefused("a change of the script is an object of keys and values")
        return _read(msgspec.to_builtins(self) | changes, "the change")

    @classmethod
    def load(cls, path: Path) -> Script:
        """The script of a TOML file. Raises ScriptRefused, OSError."""
        try:
            return _read(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
        except tomllib.TOMLDecodeError as wrong:
            raise ScriptRefused(f"{path} is not TOML: {wrong}") from wrong


_ANY = Company()


def _read(keys: dict[str, Any], where: str) -> Script:
    try:
        script = msgspec.convert(keys, Script)
    except msgspec.ValidationError as wrong:
        raise ScriptRefused(
            f"{where}: {wrong}; the keys are {', '.join(Script.__struct_fields__)}"
        ) from wrong
    for name in Script.__struct_fields__:
        value = getattr(script, name)
        if name.endswith("_rate") and not 0 <= value <= 1:
            raise ScriptRefused(f"{where}: {name} is {value}; a rate is a share from 0 to 1")
        if (name.endswith("_ms") or name in {"slots", "business_error_attempts"}) and value < 0:
            raise ScriptRefused(f"{where}: {name} is {value}; it cannot be negative")
    return script
