"""What was stated about a group and has arrived, what of it counts, and how each statement looks on the wire.

Which events count is said here a second time: versions without a gap from the first, and facts once it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from machine.model import LAST_DAY, UNITS, Facts
from msgspec.structs import replace

from tieout.avro.events import Line
from tieout.streams.operate.generate.sealing import seal
from tieout.streams.sample_events import DAY_ONE, activated


@dataclass
class Stated:
    """An event, and what it adds to the facts when it counts."""

    group: str
    event: object
    counts: tuple
    version: int = 0


@dataclass
class Story:
    """What was stated and delivered about one group."""

    versions: int = 0
    price_t: int = 0
    last_change: int = 10
    ended: bool = False
    units: int = 0
    delivered: list[Stated] = field(default_factory=list)

    def accepted(self) -> list[Stated]:
        """Versions without a gap from 1, and facts once version 1 is there."""
        have = {each.version: each for each in self.delivered if each.version}
        through = 0
        while through + 1 in have:
            through += 1
        if not through:
            return []
        facts = [each for each in self.delivered if not each.version]
        return [have[version] for version in range(1, through + 1)] + facts

    def facts(self) -> Facts:
        found = Facts()
        for each in self.accepted():
            name, *said = each.counts
            if name == "price":
                found.price_t, found.price_g = said
            elif name == "deliveries":
                found.deliveries.append(said[0])
            else:
                getattr(found, name).append(tuple(said))
        return found


def opened(group: str, price_t: int, price_g: int):
    given = {"group_id": group, "contract_id": f"C-{group}"}
    event = activated(**given)
    time = Line(
        "T", "MONITORING-DAILY", "time", DAY_ONE, DAY_ONE + LAST_DAY, ssp_minor=2 * price_t, convention="days"
    )
    units = Line("G", "SENSORS", "units", quantity=UNITS, ssp_minor=2 * price_g)
    usage = Line("U", "API-CALLS", "amount", meter="calls")
    return seal(replace(event, price_minor=price_t + price_g, lines=(time, units, usage)))


def of_group(event, group: str):
    """A hand-made event, said of this group."""
    now = event.envelope
    object_id = f"C-{group}" if now.object_type == "subscription" else f"{group}-{now.object_id}"
    moved = replace(now, group_id=group, contract_id=f"C-{group}", object_id=object_id)
    return seal(replace(event, envelope=moved))
