"""ERP profiles as data, packaged or of one's own: how one vendor's interface is called, what its answers and its errors mean.

Invariant: a profile that cannot be meant is refused when it is read, by file and key, not when the first call fails.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from tieout.agents.posting.error_table import ErrorTable, ErrorTableWrong
from tieout.streams.edges.erp.authorising import Scheme


class ProfileRefused(ValueError):  # noqa: N818 - read aloud: the profile was refused
    """A profile cannot be used; says which one, and what to write."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a document is read back: GET ``path``, where 404 (in the ERP's own words: with a code at ``error_code``, or empty) and an
    empty list at ``items`` mean that there is none; then GET ``whole``, where what was listed is not all of it.

    ``hash_pattern``: found in the answer's text, its group is the content hash; no match means that there is none; without
    it the ERP keeps no hash. The others are templates over ``answer``, and ``item``, the one of ``items`` with the hash. ``taken_back``: a path with what takes the document
    back, at ``taken_back_items``.
    """

    path: str
    items: str | None = None
    whole: str | None = None
    hash_pattern: str | None = None
    number: str = "{document_number}"
    posted_on: str = "{posting_date}"
    period: str = "{period}"
    taken_back: str | None = None
    taken_back_items: str = "answer.items"


class Original(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a command acts upon, read first: GET ``path``, its list at ``items``; then GET ``whole`` with ``answer`` being that.

    ``taken_back``: a path whose ``items`` are what takes it back already. ``entries``: where its lines stand, with
    ``account``, ``debit``, ``credit`` as names over ``line``, and ``dimensions``, name -> name over ``line``; ``customer_pattern``: the customer, in the answer's text.
    ``closed``: a name whose value is one of ``closed_values`` where nothing more may happen to it.
    """

    path: str
    items: str
    whole: str | None = None
    taken_back: str | None = None
    entries: str | None = None
    account: str = ""
    debit: str = ""
    credit: str = ""
    dimensions: dict[str, str] = {}
    customer_pattern: str | None = None
    closed: str | None = None
    closed_values: tuple[str, ...] = ()


class Sending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request; with ``for_each`` one for each of these, as ``as_name``."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = ""
    body: Any = None
    headers: dict[str, str] = {}
    for_each: str | None = None
    as_name: str = "entry"


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command kind. ``like``: as that kind, but for what is stated here. ``look_up_first``: the ERP would make a second
    document of the same id. Several requests in ``send`` go as one batch. ``number``: of what was made, over ``answer``,
    ``location_id`` (the last part of Location) and ``original``.
    """

    find: Lookup
    send: list[Sending]
    original: Original | None = None
    look_up_first: bool = False
    number: str = "{document_number}"


class Jobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HTTP 202 with a Location that is asked until ``completed`` is true in its answer."""

    completed: str
    every_ms: int = 500


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a vendor's interface. ``configuration``: names that the installation gives, with what they are.

    ``auth``: bearer (a key), basic (user:password), oauth1 (CONSUMER_KEY:CONSUMER_SECRET:TOKEN:TOKEN_SECRET, every call signed
    for ``auth_realm``), oauth2 (client credentials at ``token_path``), header (the secret alone in ``auth_header``).
    ``one_entity``: an account of it is one company, of the legal entity that the account names.
    ``base_path``: what all paths of the profile are below. ``document_number``: a template for ERPs that take the number from us. ``batch_path``: where several requests of one
    command go as an OData JSON batch. ``requests_max``: in such a batch. ``server_seconds_max``: how long its server may go on with a
    call that we gave up, where the account does not say. ``slots_max``: calls at once that its way of posting bears, whatever the
    licence allows. ``tried``: against what.
    """

    name: str
    tried: str
    configuration: dict[str, str] = {}
    auth: Scheme = "bearer"
    auth_header: str = "Authorization"
    auth_realm: str = ""
    token_path: str = ""
    token_form: dict[str, str] = {}
    headers: dict[str, str] = {}
    enforces_unique_id: bool = False
    currencies: Literal["any", "entity"] = "any"
    one_entity: bool = False
    document_number: str = "{external_id}"
    base_path: str = ""
    batch_path: str = ""
    batch_headers: dict[str, str] = {}
    requests_max: int = 100
    server_seconds_max: float = 900.0
    slots_max: int | None = None
    error_code: str = ""
    error_text: str = ""
    jobs: Jobs | None = None
    kinds: dict[str, Kind] = {}
    errors: list[dict[str, Any]] = []


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """A packaged profile by name; one of your own by its file's name, which ends in .toml, in ``folder``. Raises ProfileRefused."""
    keys = _own_keys(folder / name) if folder is not None and name.endswith(".toml") else _keys(name)
    kinds = keys.get("kinds", {})
    keys["kinds"] = {kind: _with_parent(name, kind, kinds) for kind in kinds}
    try:
        return msgspec.convert(keys, Profile)
    except msgspec.ValidationError as wrong:
        raise ProfileRefused(f"the ERP profile {name}: {wrong}") from wrong


def error_table(name: str) -> ErrorTable:
    """The error table of a packaged profile. Raises ProfileRefused."""
    try:
        return ErrorTable.of(_keys(name).get("errors", []))
    except ErrorTableWrong as wrong:
        raise ProfileRefused(f"the ERP profile {name}: {wrong}") from wrong


def profile_names() -> list[str]:
    """Names of the packaged profiles."""
    return sorted(each.name.removesuffix(".toml") for each in _folder().iterdir())


def _folder() -> Any:
    return files("tieout.streams.edges.erp").joinpath("profiles")


def _keys(name: str) -> dict[str, Any]:
    found = _folder().joinpath(f"{name}.toml")
    if not found.is_file():
        names = ", ".join(profile_names())
        raise ProfileRefused(
            f"there is no ERP profile {name!r}; choose one of {names}, or name a file of your own that ends in .toml"
        )
    return _read(name, found.read_text(encoding="utf-8"))


def _own_keys(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ProfileRefused(
            f"the ERP profile {file} cannot be read: {wrong}; it is looked for beside the file of ERP accounts"
        ) from wrong
    return _read(file.name, text)


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ProfileRefused(f"the ERP profile {name} is not TOML: {wrong}") from wrong


def _with_parent(name: str, kind: str, kinds: dict[str, Any]) -> dict[str, Any]:
    own, above = dict(kinds[kind]), {kind}
    while "like" in own:
        parent = own.pop("like")
        if parent not in kinds or parent in above:
            raise ProfileRefused(f"the ERP profile {name}: {kind} is like {parent!r}, which is not stated")
        above.add(parent)
        own = {**kinds[parent], **own}
    return own
