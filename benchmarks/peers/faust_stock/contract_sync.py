"""Stock Faust on the comparison job: an agent, two RocksDB tables, ``await topic.send``.

Nothing is tuned but the commit interval; ``FAUST_LINGER_MS`` sets the producer's linger, whose default is 0.
"""

from __future__ import annotations

import os
from typing import Any

import faust
from faust.serializers import codecs
from posting_rule import Fields, apply, decoder, encoder, new_contract

TOLD = os.environ


class AvroCodec(codecs.Codec):
    """A codec class as Faust's user guide describes it, for one record type."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.decode, self.encode = decoder(name), encoder(name)

    def _loads(self, value: bytes) -> Any:
        return self.decode(value)

    def _dumps(self, record: Any) -> bytes:
        return self.encode(record)


for record in ("event", "command", "revenue"):
    codecs.register(f"avro_{record}", AvroCodec(record))

app = faust.App(
    TOLD["GROUP"],
    broker=f"kafka://{TOLD['BOOTSTRAP']}",
    store="rocksdb://",
    datadir=TOLD["STATE_DIR"],
    processing_guarantee="exactly_once" if TOLD["GUARANTEE"] == "eos" else "at_least_once",
    topic_partitions=int(TOLD["PARTITIONS"]),
    producer_linger_ms=int(TOLD.get("FAUST_LINGER_MS", "0")),
    broker_commit_interval=int(TOLD["COMMIT_MS"]) / 1000,
    web_enabled=False,
)
events = app.topic(TOLD["INPUT"], key_type=str, value_serializer="avro_event")
commands = app.topic(TOLD["COMMANDS"], key_type=str, value_serializer="avro_command")
revenue = app.topic(TOLD["REVENUE"], key_type=str, value_serializer="avro_revenue")
contracts = app.Table("contracts", default=new_contract, key_type=str, options={"driver": "rocksdict"})
held = app.Table("held", key_type=str, options={"driver": "rocksdict"})


async def emit(contract: Fields, event: Fields) -> None:
    """Apply and send both records."""
    command, posting = apply(contract, event)
    await commands.send(key=event["contract_id"], value=command)
    await revenue.send(key=event["contract_id"], value=posting)


async def take(event: Fields) -> None:
    """Drop a duplicate, hold what is early, apply what is next and what it releases."""
    key, sequence = event["contract_id"], event["sequence"]
    contract = contracts[key]
    if sequence < contract["next_sequence"]:
        return
    if sequence > contract["next_sequence"]:
        if f"{key}:{sequence}" not in held:
            held[f"{key}:{sequence}"] = event
            contract["held"] += 1
            contracts[key] = contract
        return
    await emit(contract, event)
    while contract["held"] and f"{key}:{contract['next_sequence']}" in held:
        contract["held"] -= 1
        await emit(contract, held.pop(f"{key}:{contract['next_sequence']}"))
    contracts[key] = contract


@app.agent(events)
async def sync(stream: faust.Stream) -> None:
    """The worker's only agent."""
    async for event in stream:
        await take(event)


if __name__ == "__main__":
    app.main()
