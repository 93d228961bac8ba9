"""The rows of state version k-1: what a release writes while workers of the older one still run.

Invariant: a row of k-1 is the leading fields of one of k, in itself and in what it holds; what has no place in it is
refused before it is a fact (``tables.group_rows.fits_previous``), so that nothing is lost in an upgrade that is rolled
out worker by worker, nor in its roll-back. A release that raises k writes ``_LAST`` anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from tieout.tables.contract import Arrangement, Contract
from tieout.tables.documents import Documents
from tieout.tables.facts import Component, Evidence, Facts, Item, Terms
from tieout.tables.layers import Layers, Share
from tieout.tables.ledger import Account, Ledger, Series
from tieout.tables.work import RatedUsage, UsageBucket

_LAST: Mapping[type, str] = {
    Account: "series",
    Arrangement: "opened",
    Component: "cause",
    Contract: "journal_tied",
    Documents: "cash",
    Evidence: "version",
    Facts: "evidence",
    Item: "item",
    Layers: "steps",
    Ledger: "accounts",
    RatedUsage: "version",
    Series: "movements",
    Share: "qty",
    Terms: "cause",
    UsageBucket: "rated",
}
"""Record -> its last field at k-1; one that is not here is the same at both."""


@cache
def previous(kind: type) -> type:
    """A record as it was at k-1: itself where nothing in it has grown."""
    fields = msgspec.structs.fields(kind)
    last = _LAST.get(kind, fields[-1].name)
    leading = fields[: [field.name for field in fields].index(last) + 1]
    narrowed = [(field.name, _narrowed(field.type)) for field in leading]
    if narrowed == [(field.name, field.type) for field in fields]:
        return kind
    return msgspec.defstruct(kind.__name__, narrowed, frozen=True, array_like=True, gc=False)


def _narrowed(stated: Any) -> Any:
    """A field's type at k-1."""
    if isinstance(stated, type) and issubclass(stated, msgspec.Struct):
        return previous(stated)
    if get_origin(stated) is tuple:
        return tuple[tuple(_narrowed(each) for each in get_args(stated))]  # type: ignore[misc]  # made at run time
    return stated
