"""The form of a table row that says how one event type is stated in a scenario, and the fields that many rows have.

Invariant: a row is data; what no single key gives (a span over all lines, the total of a document) is named by
``completed``, and nothing here decides anything about revenue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from tieout.streams.operate.scenario.fields import (
    MONEY,
    QUANTITY,
    TEXT,
    Default,
    Field,
    Reading,
    Values,
)
from tieout.streams.operate.scenario.places import Spot

REQUIRED, AT, ID, OMIT = Default

TENANT, GROUP, SOURCE = "scenario", "G1", "scenario"
"""Whose contracts a scenario is about: all of them are one group."""
ERP_ACCOUNT = "erp"
"""Where all entities of a scenario post."""


class Beside(NamedTuple):
    """What completes an event's values: its reading, its place, and the obligations that the price book knows."""

    reading: Reading
    spot: Spot
    priced: Collection[str]


Complete = Callable[[Values, Beside], Values]


@dataclass(frozen=True, slots=True)
class EventMap:
    """How one event type is stated. ``versioned``: it is a version of its contract, numbered in list order.

    A field may have the key of a common one (``effective``): it is content then, not the event's own date.
    """

    type: str
    words: str
    fields: tuple[Field, ...] = ()
    versioned: bool = False
    completed: Complete = lambda values, _: values


PO = Field("po", TEXT, "po")
MAYBE_PO = Field("po", TEXT, "po", None)
QTY = Field("qty", QUANTITY, "quantity", OMIT)
AMOUNT = Field("amount", MONEY, "amount_minor")
INVOICE = Field("invoice", TEXT, "invoice_number")
MAYBE_INVOICE = Field("invoice", TEXT, "invoice_number", None)
REASON = Field("reason", TEXT, "reason", None)
