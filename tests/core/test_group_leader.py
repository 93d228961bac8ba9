"""Who divides the partitions waits until the broker knows them: found by the campaign, after a restart of the broker."""

from __future__ import annotations

import asyncio

import pytest

from tieout.streams.engine import group_leader
from tieout.streams.engine.group_leader import divide_what_is_known


class Coordinator:
    """A cluster that knows the topic after so many looks at its metadata."""

    def __init__(self, looks: int) -> None:
        self.looks_left, self.divided, self.rejoins = looks, 0, 0
        self._cluster = self._client = self

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        assert topic == "inbox"
        return None if self.looks_left else {0, 1}

    async def force_metadata_update(self) -> None:
        self.looks_left = max(0, self.looks_left - 1)

    def request_rejoin(self) -> None:
        self.rejoins += 1

    async def divide(self, response: str) -> str:
        assert response == "answer"
        self.divided += 1
        return f"shares of {0 if self.looks_left else 2} partitions"


def divided(coordinator: Coordinator) -> str:
    return asyncio.run(divide_what_is_known("inbox", coordinator, coordinator.divide, "answer"))


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_shares_are_handed_out_once_the_topic_is_known(looks, monkeypatch):
    monkeypatch.setattr(group_leader, "LOOK_SECONDS", 0.0)
    coordinator = Coordinator(looks)
    assert divided(coordinator) == "shares of 2 partitions"
    assert (coordinator.divided, coordinator.rejoins) == (looks + 1, 0)


def test_where_the_topic_stays_unknown_the_group_joins_again(monkeypatch):
    monkeypatch.setattr(group_leader, "LOOK_SECONDS", 0.0)
    coordinator = Coordinator(1_000)
    assert divided(coordinator) == "shares of 0 partitions"
    assert coordinator.rejoins == 1
