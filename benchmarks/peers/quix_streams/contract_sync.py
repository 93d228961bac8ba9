"""Quix Streams on the comparison job: one stateful ``apply``, RocksDB state with a changelog topic, two sinks.

Tuned: commit interval as told, producer linger 5 ms and a queue of a million messages; everything else is the default.
"""

from __future__ import annotations

import os
from typing import Any

from posting_rule import Fields, apply, decoder, encoder, new_contract
from quixstreams import Application, State
from quixstreams.models import Deserializer, Serializer

TOLD = os.environ


class AvroValue(Deserializer):
    """Reads one record type."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._decode = decoder(name)

    def __call__(self, value: bytes, ctx: Any) -> Fields:  # noqa: ARG002 - the library calls it by these names
        return self._decode(value)


class AvroRecord(Serializer):
    """Writes one record type."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._encode = encoder(name)

    def __call__(self, value: Fields, ctx: Any) -> bytes:  # noqa: ARG002 - the library calls it by these names
        return self._encode(value)


def sync(event: Fields, state: State) -> list[tuple[Fields, Fields]]:
    """Drop a duplicate, hold what is early, apply what is next and what it releases."""
    contract: Fields = state.get("contract") or new_contract()
    sequence = event["sequence"]
    if sequence < contract["next_sequence"]:
        return []
    if sequence > contract["next_sequence"]:
        if not state.exists(f"held:{sequence}"):
            state.set(f"held:{sequence}", event)
            contract["held"] += 1
            state.set("contract", contract)
        return []
    said = [apply(contract, event)]
    while contract["held"]:
        name = f"held:{contract['next_sequence']}"
        waiting = state.get(name)
        if waiting is None:
            break
        state.delete(name)
        contract["held"] -= 1
        said.append(apply(contract, waiting))
    state.set("contract", contract)
    return said


def application() -> Application:
    """The pipeline, from the environment."""
    app = Application(
        broker_address=TOLD["BOOTSTRAP"],
        consumer_group=TOLD["GROUP"],
        auto_offset_reset="earliest",
        state_dir=TOLD["STATE_DIR"],
        processing_guarantee="exactly-once" if TOLD["GUARANTEE"] == "eos" else "at-least-once",
        commit_interval=int(TOLD["COMMIT_MS"]) / 1000,
        auto_create_topics=True,
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 5, "queue.buffering.max.messages": 1_000_000},
    )
    events = app.topic(TOLD["INPUT"], key_deserializer="str", value_deserializer=AvroValue("event"))
    commands = app.topic(TOLD["COMMANDS"], key_serializer="str", value_serializer=AvroRecord("command"))
    revenue = app.topic(TOLD["REVENUE"], key_serializer="str", value_serializer=AvroRecord("revenue"))
    said = app.dataframe(events).apply(sync, stateful=True, expand=True)
    said.apply(lambda pair: pair[0]).to_topic(commands)
    said.apply(lambda pair: pair[1]).to_topic(revenue)
    return app


if __name__ == "__main__":
    application().run()
