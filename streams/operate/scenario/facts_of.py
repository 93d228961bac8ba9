"""A scenario's events become sealed business events, its control steps stay steps; identities are fixed in list order.

Invariant: the same list gives the same events, byte for byte; ids and versions are given before anything is permuted;
what is part of the format and not of the event language is a ``NotSupported``, never left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from tieout.avro import events as ev
from tieout.avro.canonical import content_hash
from tieout.avro.catalogue import EVENT_TYPES
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.admin_events import ADMIN
from tieout.streams.operate.scenario.billing_events import BILLING
from tieout.streams.operate.scenario.erp_events import ERP
from tieout.streams.operate.scenario.event_map import GROUP, SOURCE, TENANT, Beside, EventMap
from tieout.streams.operate.scenario.fields import Reading, read_fields, whole
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.performance_events import PERFORMANCE
from tieout.streams.operate.scenario.places import Spot, instead
from tieout.streams.operate.scenario.unsupported import NotSupported
from tieout.streams.operate.scenario.version_events import CORRECTIONS, VERSIONS

EVENT_MAPS: Mapping[str, EventMap] = {
    each.type: each for each in (*VERSIONS, *CORRECTIONS, *BILLING, *PERFORMANCE, *ADMIN, *ERP)
}
"""Event type -> how it is stated: one row for each type of the format."""

OPENINGS = ("contract_activated", "contract_opened_midlife")
"""Types that open a contract."""
ESTIMATE_VERSIONS_FROM = 800_000
"""Added to an estimate's day, so that its version is positive and rises with the day (identity: id and ``at``)."""

COMMON = {
    "at": "business date; fills `effective`, `approved` and `known`",
    "type": "event type",
    "effective": "date the change takes effect",
    "approved": "date of approval, null: not approved",
    "known": "when it was recorded; a label",
    "id": "id at its source; type and position by default",
    "contract": "C1 by default",
    "version": "of a version; counts up by default",
    "entity": "the contract's legal entity",
    "currency": "the contract's currency",
    "customer": "the contract's customer; CUST1",
}
"""Keys of every event."""

CONTROLS = {
    "run": "recognise revenue through the end of the period",
    "close": "close the period and all before it",
    "soft_close": "the same for the agent's own journals, not for documents and people",
    "reopen": "undo the close of the period and of all behind it",
    "erp_refuses": "the ERP has closed the period: it refuses each journal, invoice and credit memo that was said for it",
}
"""Control steps, each of one entity where it names one."""


class Told(NamedTuple):
    """An event of the list. ``opens``: it activates a contract, and keeps its place in any order."""

    place: int
    event: ev.Event
    opens: bool


class Control(NamedTuple):
    """A control step; ``when`` is its period, or for a run a day, as stated."""

    place: int
    kind: str
    when: Any
    entity: str | None


Step = Told | Control


class _Header(NamedTuple):
    """What a contract's opening states, and an event of the contract has unless it states another."""

    entity: str
    currency: str
    customer: str


@dataclass
class _Teller:
    scenario: Scenario
    priced: Collection[str]
    headers: dict[str, _Header] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    sent: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Version that stands for (contract, type, id): sent again it is the same one."""

    def told(self, place: int, data: Mapping[str, Any], spot: Spot) -> Told:
        row = self._row(data, spot)
        own = {each.key for each in row.fields}
        spot.mapping(data, (*COMMON, *own))
        shared = {key: value for key, value in data.items() if key in COMMON and key not in own}
        at = dates.a_day(data.get("at"), spot.key("at"))
        contract_id = _contract_of(data, spot)
        header = self._header(contract_id, shared, spot)
        version = self._version(row, contract_id, data, shared, spot)
        object_id = spot.key("id").text(data.get("id", f"{row.type}{place}"))
        reading = Reading(header.currency, at, object_id, version)
        rest = {key: value for key, value in data.items() if key in own}
        stated = read_fields(row.fields, rest, reading, spot)
        values = row.completed(dict(stated.values), Beside(reading, spot, self.priced))
        if "customer" in shared:
            values["customer_id"] = header.customer
        beside = {
            "envelope": self._envelope(row, reading, place, contract_id, header, shared, spot),
            "currency": header.currency,
            "customer_id": header.customer,
            "base_version": version - 1,
        }
        if "approved" not in own:
            beside["approved_date"] = _approved(shared, at, spot)
        if row.type == "contract_snapshot":  # later versions count on from the one that it is of
            known = self.versions.get(contract_id, 0)
            self.versions[contract_id] = max(known, values["version"])
        event = _record(row, beside, values, stated.keys, spot)
        return Told(place, event, opens=row.type in OPENINGS)

    def opened(self, data: Mapping[str, Any], spot: Spot) -> None:
        """Take note of a contract's header before any event is told: an event may arrive before its opening."""
        self.headers.setdefault(_contract_of(data, spot), self._header("", data, spot))

    def _row(self, data: Mapping[str, Any], spot: Spot) -> EventMap:
        kind = spot.key("type").text(data["type"])
        row = EVENT_MAPS.get(kind)
        if row is None:
            raise spot.key("type").wrong(f"{kind!r} is no event type{instead(kind, EVENT_MAPS)}")
        return row

    def _header(self, contract_id: str, stated: Mapping[str, Any], spot: Spot) -> _Header:
        usual = self.headers.get(contract_id)
        if usual is None:
            usual = _Header(str(next(iter(self.scenario.entities))), self.scenario.currency, "CUST1")
        own = {name: spot.key(name).text(stated[name]) for name in _Header._fields if name in stated}
        return usual._replace(**own)

    def _version(
        self,
        row: EventMap,
        contract_id: str,
        data: Mapping[str, Any],
        shared: Mapping[str, Any],
        spot: Spot,
    ) -> int:
        if not row.versioned:
            if "version" in shared:
                raise spot.key("version").wrong(f"{row.type} is no version of its contract")
            return 0
        identity = contract_id, row.type, str(data.get("id"))
        if "id" in data and identity in self.sent:
            return self.sent[identity]
        version = self.versions.get(contract_id, 0) + 1
        if "version" in shared:
            version = whole(shared["version"], spot.key("version"))
        self.versions[contract_id] = self.sent[identity] = version
        return version

    def _envelope(
        self,
        row: EventMap,
        reading: Reading,
        place: int,
        contract_id: str,
        header: _Header,
        shared: Mapping[str, Any],
        spot: Spot,
    ) -> ev.Envelope:
        effective = reading.at
        if "effective" in shared:
            effective = dates.a_day(shared["effective"], spot.key("effective"))
        version = reading.version or 1
        if row.type == "variable_estimate_changed":
            version = reading.at + ESTIMATE_VERSIONS_FROM
        return ev.Envelope(
            event_id=f"e{place}",
            event_type=row.type,
            source=SOURCE,
            object_type="contract" if row.versioned else row.type,
            object_id=contract_id if row.versioned else reading.object_id,
            object_version=version,
            tenant=TENANT,
            group_id=GROUP,
            contract_id=contract_id,
            legal_entity=header.entity,
            occurred_at=0,
            effective_date=effective,
            recorded_at=0,
            correlation_id="",
            causation_id="",
            actor="",
            approval_ref=None,
            content_hash=b"",
        )


def steps_of(scenario: Scenario) -> list[Step]:
    """Events and control steps in order of arrival. Raises ``ScenarioWrong``, or ``NotSupported`` at the first limit."""
    priced = {str(each.get("po")) for each in scenario.data.get("ssp", ())}
    teller = _Teller(scenario, priced)
    placed = [
        (place, data, scenario.spot.key("events").item(place)) for place, data in enumerate(scenario.steps)
    ]
    for _, data, spot in placed:
        if data.get("type") in OPENINGS:
            teller.opened(data, spot)
    steps: list[Step] = []
    for place, data, spot in placed:
        steps.append(teller.told(place, data, spot) if "type" in data else _control(place, data, spot))
    return steps


def _contract_of(data: Mapping[str, Any], spot: Spot) -> str:
    return spot.key("contract").text(data.get("contract", "C1"))


def _approved(shared: Mapping[str, Any], at: int, spot: Spot) -> int | None:
    if "approved" not in shared:
        return at
    stated = shared["approved"]
    return None if stated is None else dates.a_day(stated, spot.key("approved"))


def _control(place: int, data: Mapping[str, Any], spot: Spot) -> Control:
    kinds = [kind for kind in CONTROLS if kind in data]
    if len(kinds) != 1:
        raise spot.wrong(f"is neither an event (it has no `type`) nor one of {', '.join(CONTROLS)}")
    spot.mapping(data, (kinds[0], "entity"))
    entity = spot.key("entity").text(data["entity"]) if "entity" in data else None
    return Control(place, kinds[0], data[kinds[0]], entity)


def _record(
    row: EventMap, header: Mapping[str, Any], values: dict[str, Any], keys: Mapping[str, str], spot: Spot
) -> ev.Event:
    """The sealed record; a stated key that its record has no field for is not supported yet."""
    known = EVENT_TYPES.get(row.type)
    if known is None:
        raise NotSupported(spot.key("type"), row.type, "the event language has no such event")
    names = known.struct.__struct_fields__
    for target, key in keys.items():
        if target in values and target not in names:
            raise NotSupported(spot.key(key), f"{key} of {row.type}", "its record has no such field")
    required = {name: value for name, value in header.items() if name in _required(known.struct)}
    stated = {**_blanks(known.struct), **required, **values}
    event = known.struct(**{name: value for name, value in stated.items() if name in names})
    sealed = replace(header["envelope"], content_hash=content_hash(event))
    return replace(event, envelope=sealed)  # type: ignore[return-value]  # the catalogue says it is an event


@cache
def _required(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Fields without a default: what the contract's header gives unasked; elsewhere it would be a statement."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType), struct
    return frozenset(each.name for each in described.fields if each.required)


@cache
def _blanks(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """What a field says that nobody stated: nothing, no entry, no decimals."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType), struct
    blanks: dict[str, Any] = {}
    for each in described.fields:
        if each.required and isinstance(each.type, inspect.UnionType) and each.type.includes_none:
            blanks[each.name] = None
        elif each.required and isinstance(each.type, inspect.VarTupleType):
            blanks[each.name] = ()
        elif each.required and each.name.endswith("_scale"):
            blanks[each.name] = 0
    return blanks
