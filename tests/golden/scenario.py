"""Events and reference rows for tests of the core, told in the words of scenarios: read by the scenario runner itself."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from tieout.avro import days
from tieout.avro.reference import ProductMapped, ReferenceHeader
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.event_map import TENANT
from tieout.streams.operate.scenario.facts_of import Told, steps_of
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.setting import setting_of
from tieout.tables.reference import Reference

PRODUCT = "P"


def day_of(when):
    """Day number of a date; of a period, its last day."""
    return days.day_of(when) if isinstance(when, dt.date) else dates.month_end(when)


class Given:
    """A scenario's events and rows. Every line has one product, so that rows do not depend on which lines there are."""

    def __init__(self, data):
        self.data = data
        self._scenario = Scenario("test", Spot("test", "test"), data)

    def reference(self):
        return Reference.of(self.rows(), 0)

    def rows(self):
        """Reference rows that the scenario is set in."""
        return tuple(self._rows())

    def _rows(self):
        told = [step for step in steps_of(self._scenario) if isinstance(step, Told)]
        yield ProductMapped(ReferenceHeader(TENANT, "product", PRODUCT, 1, 0), PRODUCT, "ITEM", None)
        yield from setting_of(self._scenario, told).rows

    def steps(self):
        """Events as records; control steps as they are."""
        for step in steps_of(self._scenario):
            yield _with_one_product(step.event) if isinstance(step, Told) else self.data["events"][step.place]


def _with_one_product(event):
    lines = {
        name: tuple(replace(line, product=PRODUCT) for line in getattr(event, name))
        for name in ("lines", "add")
        if any(hasattr(line, "measure") for line in getattr(event, name, None) or ())
    }
    return replace(event, **lines)
