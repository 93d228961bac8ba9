"""What a REST adapter says and hears in one exchange: the names a profile may use, and answers as values.

Invariant: an amount is never a float, neither written nor read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from tieout.agents.posting.erp_documents import Entry, ErpDocument, ItemLine, major_units
from tieout.agents.posting.error_table import ErpAnswer
from tieout.agents.sources.currencies import minor_units
from tieout.streams.edges.erp.calling import Answered
from tieout.streams.edges.erp.profile_files import Original, Profile, ProfileRefused
from tieout.streams.edges.erp.template import NoSuchName, names_in, render, value_of

_REVERSED_BY = {
    "journal.post": "journal.reverse",
    "invoice.create": "invoice.void",
    "credit_memo.create": "credit_memo.void",
}
_ORIGINAL_OF = {reversal: original for original, reversal in _REVERSED_BY.items()}
Names = dict[str, Any]
"""What a template can name, with its values."""
NAMES = frozenset(
    [
        "kind",
        "external_id",
        "content_hash",
        "entity",
        "contract_id",
        "period",
        "currency",
        "reference",
        "customer",
        "bill_to",
        "receivable",
        "reason",
        "posting_date",
        "due_date",
        "start_date",
        "end_date",
        "total",
        "short_id",
        "entries",
        "item_lines",
        "config",
        "reversal_kind",
        "original_kind",
        "document_number",
    ]
)
"""Names that every template of a profile may use."""
ENTRY_NAMES = ("line_number", "account", "customer", "debtor", "debit", "credit", "amount", "dimensions")
ITEM_NAMES = ("item", "po", "tax_code", "quantity", "amount")
"""What an item of ``entries``, and of ``item_lines``, has. Dimensions are called as the reference data calls them."""
_PLACE_IN_LIST = re.compile(r"\.-?[0-9]+(?=\.|$)")
_EPOCH = date(1970, 1, 1).toordinal()
exact_json = msgspec.json.Decoder(float_hook=Decimal).decode
"""Reads JSON whose fractions are exact."""
encode = msgspec.json.Encoder(decimal_format="number").encode
"""JSON whose amounts are exact numbers."""


def names_of(document: ErpDocument, profile: Profile, configuration: dict[str, str]) -> dict[str, Any]:
    """What the profile's templates may name: the document's fields, ``entries``, ``item_lines``, ``config``.

    ``reversal_kind``: the kind that takes it back, ``original_kind``: the kind that it takes back; ``short_id``: 19 characters
    of the id, for numbers of at most 20.
    """
    names: dict[str, Any] = {
        field: getattr(document, field)
        for field in ("kind", "external_id", "content_hash", "entity", "contract_id", "period")
    }
    names |= {
        field: getattr(document, field)
        for field in ("currency", "reference", "customer", "bill_to", "receivable", "reason")
    }
    for field in ("posting_date", "due_date", "start_date", "end_date"):
        names[field] = iso(getattr(document, field))
    names["total"] = _major(document.total_minor, document.currency)
    names["short_id"] = document.external_id[:19].upper()
    names["entries"] = [_entry(number, entry, document) for number, entry in enumerate(document.entries, 1)]
    names["item_lines"] = [_item_line(line, document.currency) for line in document.item_lines]
    names["config"] = configuration
    names["reversal_kind"] = _REVERSED_BY.get(document.kind)
    names["original_kind"] = _ORIGINAL_OF.get(document.kind)
    names["document_number"] = render(profile.document_number, names)
    assert names.keys() == NAMES
    return names


def check_names(profile: Profile) -> None:
    """Raises ProfileRefused where a template asks for what no document, answer or configuration has.

    What an answer has is the vendor's; of all else a name is checked to its end, for one that is misspelt would be left out.
    """
    own = {
        "base_path": profile.base_path,
        "token_path": profile.token_path,
        "token_form": profile.token_form,
        "auth_realm": profile.auth_realm,
    }
    for place, template in own.items():
        _check(profile, place, template, frozenset())
    _check(profile, "where to look in an answer", _in_answers(profile), frozenset(["answer"]))
    _check(profile, "document_number", profile.document_number, NAMES - {"document_number", "config"})
    for kind, described in profile.kinds.items():
        known = NAMES - {"config"} | {"answer", "item", "original", "location_id"}
        for field in msgspec.structs.fields(described):
            _check(profile, kind, msgspec.to_builtins(getattr(described, field.name)), known)


def _in_answers(profile: Profile) -> list[str]:
    """Names that are looked up in an answer, as templates."""
    names = [profile.error_code, profile.error_text, "" if profile.jobs is None else profile.jobs.completed]
    for kind in profile.kinds.values():
        names += [kind.find.items or "", kind.find.taken_back_items]
        if kind.original is not None:
            names += [kind.original.items, kind.original.entries or "", kind.original.closed or ""]
    return [f"{{{name}}}" for name in names if name]


def _check(profile: Profile, place: str, template: Any, known: frozenset[str]) -> None:
    parts = {"entries": ENTRY_NAMES, "item_lines": ITEM_NAMES}
    every = known | {f"config.{name}" for name in profile.configuration}
    every |= {f"{listed}.*.{name}" for listed, names in parts.items() if listed in known for name in names}
    asked = {_PLACE_IN_LIST.sub(".*", name) for name in names_in(template)}
    of_others = ("entries.*.dimensions.", *(f"{name}." for name in known - NAMES))
    unknown = {name for name in asked if name not in every and not name.startswith(of_others)}
    if unknown:
        raise ProfileRefused(
            f"the ERP profile {profile.name}, {place}: there is no {', '.join(sorted(unknown))};"
            f" the names are {', '.join(sorted(every))}"
        )


def entries_of(original: Any, described: Original, currency: str) -> tuple[Entry, ...]:
    """The lines of a document that was read. Raises ValueError where an amount is none of the currency."""
    if described.entries is None:
        return ()
    return tuple(
        [
            Entry(
                str(value_of(described.account, {"line": line})),
                minor_of(value_of(described.debit, {"line": line}), currency),
                minor_of(value_of(described.credit, {"line": line}), currency),
                dimensions=tuple(_dimensions(line, described.dimensions)),
            )
            for line in value_of(described.entries, {"answer": original}) or ()
        ]
    )


def _dimensions(line: Any, places: dict[str, str]) -> Iterator[str]:
    for name, place in places.items():
        value = value_of(place, {"line": line})
        if value is not None:
            yield f"{name}={value}"


def body_of(answered: Answered) -> Any:
    """The JSON of an answer; None where it has none."""
    try:
        return exact_json(answered.body) if answered.body else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def erp_answer(status: int, headers: Any, body: Any, raw: bytes, profile: Profile) -> ErpAnswer:
    """What the ERP said, by the profile's places for code and words; all of it where they are empty."""
    code = _said(profile.error_code, body)
    text = _said(profile.error_text, body) or raw.decode(errors="replace")
    return ErpAnswer(status, code, text, headers)


def location_id(answered: Answered) -> str:
    """The last part of the Location header, or nothing."""
    return answered.headers.get("location", "").rstrip("/").rpartition("/")[2]


def day_of(text: object) -> int:
    """Days since 1970 of an ISO date, or of the date that a longer text begins with. Raises ValueError."""
    return date.fromisoformat(str(text)[:10]).toordinal() - _EPOCH


def iso(day: int | None) -> str | None:
    """The ISO date of days since 1970."""
    return None if day is None else date.fromordinal(day + _EPOCH).isoformat()


def _said(name: str, body: Any) -> str:
    try:
        found = value_of(name, {"answer": body}) if name else None
    except NoSuchName:
        found = None
    return "" if found is None else str(found)


def _entry(number: int, entry: Entry, document: ErpDocument) -> dict[str, Any]:
    """``debtor``: the customer, on the line of what he owes by a document; ``customer``: whom any line is about.

    ``line_number``: 10000, 20000 and so on, as ledgers number lines so that others fit between. ``dimensions``: value by name.
    """
    owed = document.receivable is not None and entry.account == document.receivable
    currency = document.currency
    told = {
        "line_number": 10_000 * number,
        "account": entry.account,
        "customer": entry.customer,
        "debtor": document.customer if owed else None,
        "debit": _major(entry.debit_minor, currency) if entry.debit_minor else None,
        "credit": _major(entry.credit_minor, currency) if entry.credit_minor else None,
        "amount": _major(entry.debit_minor - entry.credit_minor, currency),
        "dimensions": dict(each.split("=", 1) for each in entry.dimensions),
    }
    assert tuple(told) == ENTRY_NAMES
    return told


def _item_line(line: ItemLine, currency: str) -> dict[str, Any]:
    told = {
        "item": line.item,
        "po": line.po,
        "tax_code": line.tax_code,
        "quantity": Decimal(line.quantity).scaleb(-line.quantity_scale),
        "amount": _major(line.price_minor, currency),
    }
    assert tuple(told) == ITEM_NAMES
    return told


def _major(minor: int | None, currency: str) -> Decimal | None:
    return None if minor is None else major_units(minor, currency)


def minor_of(amount: Decimal | int | str | None, currency: str) -> int:
    """Minor units of an amount that was read. Raises ValueError where it has more decimals than the currency."""
    return 0 if amount is None else minor_units(f"{Decimal(amount):f}", currency)
