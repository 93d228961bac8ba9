"""The simulated log keeps the contract that the real broker is held to in tests/broker/test_kafka_log.py."""

import asyncio
from collections import Counter
from random import Random
from types import SimpleNamespace

import pytest
from log_contract import Case, LogContract
from simulation.broker import Broker
from simulation.ports import Network, SimLog
from simulation.swarm import Swarm
from simulation.virtual_time import VirtualLoop

from tieout.streams.engine.limits import EngineSettings

SETTINGS = EngineSettings()


@pytest.mark.parametrize("seed", range(4))
class TestSimulatedLog(LogContract):
    @pytest.fixture
    def live(self, seed):
        def live(body) -> None:
            loop = VirtualLoop(Random(f"{seed}/order"), 100_000)
            chance = Random(seed)
            broker = Broker(loop, chance, timeout_seconds=60.0, marker_seconds=chance.choice((0.001, 1.0)))
            healthy = Swarm(partitions=2, workers=1, static=False)
            unanswered = Swarm(
                partitions=2,
                workers=1,
                static=False,
                rates={chance.choice(("commit lost", "commit unanswered", "commit late")): 1.0},
            )

            def log_of(swarm: Swarm) -> SimLog:
                owner = SimpleNamespace(alive=True, must_live=lambda: None)
                network = Network(loop, chance, swarm, Counter())
                return SimLog(network, broker, SETTINGS, chance, owner)

            case = Case(log_of(healthy), log_of(healthy), log_of(unanswered), "first", "second", "writer")
            try:
                loop.run_until_complete(asyncio.wait_for(body(case), 1_000))
            finally:
                loop.run_until_complete(asyncio.sleep(200))
                loop.close()

        return live
