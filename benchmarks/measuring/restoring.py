"""One restore in a process of its own: partition after partition, so that the rate is one of one core.

Run as ``python -m measuring.restoring BOOTSTRAP CHANGELOG PARTITIONS DIRECTORY``; it prints one line of JSON. Without a
DIRECTORY it only reads the changelog, read committed: the floor. It runs the engine's own ``Restore``, which gives a
store only when its rows add up to the digest that was committed with them, so a wrong restore has no rate.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial
from pathlib import Path

from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import Restore, StoreHome
from tieout.streams.operate.demo.readback import read_raw
from tieout.tables.rocksdb_store import RocksdbStore, shared_cache

CACHE_BYTES = 128 << 20


async def restore(bootstrap: str, topic: str, partitions: int, directory: Path) -> int:
    """Restore every partition into an empty store; the number of changelog records."""
    settings, cache, records = EngineSettings(), shared_cache(CACHE_BYTES), 0
    log = KafkaLog(bootstrap, settings)
    try:
        for partition in range(partitions):
            rows = directory / str(partition)
            rows.mkdir(parents=True)
            home = StoreHome(open=partial(RocksdbStore, rows, cache), reset=partial(RocksdbStore.reset, rows))
            one = Restore(log, home, topic, partition, settings, SystemClock(), AsyncioScheduler())
            store, _ = await one.run()
            store.close()
            records += one.progress.records if one.progress is not None else 0
    finally:
        await log.close()
    return records


async def read(bootstrap: str, topic: str, partitions: int) -> int:
    """Read every partition and do nothing; the number of records."""
    records = 0

    def take(_: object) -> None:
        nonlocal records
        records += 1

    await read_raw(bootstrap, {topic: partitions}, take)
    return records


def peak_mib() -> float:
    """Most memory that was ever resident; not ``ru_maxrss``, which remembers the parent before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)


def main(arguments: list[str]) -> None:
    """Run and tell."""
    bootstrap, topic, partitions, *rest = arguments
    began, began_cpu = time.monotonic(), time.process_time()
    work = (
        restore(bootstrap, topic, int(partitions), Path(rest[0]))
        if rest
        else read(bootstrap, topic, int(partitions))
    )
    records = asyncio.run(work)
    wall, cpu = time.monotonic() - began, time.process_time() - began_cpu
    told = {
        "records": records,
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "records_per_second": round(records / wall),
        "records_per_cpu_second": round(records / cpu),
        "rss_mib": peak_mib(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
