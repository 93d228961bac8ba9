"""The stand-in behind the port: the contract of all adapters, and what its script alone can bring about."""

from __future__ import annotations

import asyncio
import urllib.error

import pytest
from erp.port_contract import PortContract, accepted, refused
from erp.standin_ground import StandinGround, started

from tieout.streams.edges.erp.standin import StandinErp


def connect(url, key, call_seconds_max):
    return StandinErp(url, key=key, call_seconds_max=call_seconds_max)


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("standin")) as process:
        yield process


@pytest.fixture
def scripted(process):
    """The process, whose script is as before after the test."""
    before = process.ask("GET", "/admin/script")
    process.ask("DELETE", "/admin/counters")
    yield process
    process.change(**before)


class TestStandinPort(PortContract):
    @pytest.fixture
    def ground(self, process):
        return StandinGround(process, connect)

    @pytest.mark.parametrize("over_slots", ["429", "400"])
    async def test_more_calls_than_slots_are_throttled_and_nothing_of_them_is_done(
        self, scripted, erp, contract, over_slots
    ):
        scripted.change(slots=2, over_slots=over_slots, latency_ms=1000, retry_after_seconds=3)
        scripted.ask("DELETE", "/admin/counters")
        journals = [contract.journal(1 + number) for number in range(6)]
        answers = [answer for (answer,) in await asyncio.gather(*[erp.post([each]) for each in journals])]
        throttled = [answer for answer in answers if getattr(answer, "kind", "") == "throttled"]
        assert len(throttled) == 4
        assert {answer.retry_after_ms for answer in throttled} == {3000}
        counters = scripted.ask("GET", "/admin/counters")
        assert (counters["in_flight_max"], counters["throttled"], counters["posted"]) == (2, 4, 2)

    async def test_a_duplicate_that_is_answered_as_an_error_is_still_the_same_document(
        self, scripted, erp, contract
    ):
        scripted.change(duplicates="error")
        first, second = contract.journal(5), contract.journal(6)
        (posted,) = accepted(await erp.post([first]))
        again, new = accepted(await erp.post([first, second]))
        assert (again.document_no, again.duplicate, new.duplicate) == (posted.document_no, True, False)

    async def test_an_erp_that_is_not_available_has_done_nothing(self, scripted, erp, contract):
        scripted.change(unavailable_rate=1.0)
        refused(await erp.post([contract.journal(5)]), "transient", "NONE")

    async def test_a_business_error_stands_until_it_is_mended(self, scripted, erp, contract):
        scripted.change(business_error_rate=1.0)
        journal = contract.journal(5)
        refused(await erp.post([journal]), "business", "REFERENCE_MISSING")
        refused(await erp.post([journal]), "business", "REFERENCE_MISSING")
        scripted.ask("POST", "/admin/mended", {"ids": [journal.header.command_id]})
        accepted(await erp.post([journal]))

    async def test_a_document_that_a_person_reversed_is_found_as_reversed(self, scripted, erp, contract):
        journal = contract.journal(5)
        accepted(await erp.post([journal]))
        scripted.ask("POST", "/admin/reverse", {"external_id": journal.header.command_id})
        (found,) = await erp.find([journal])
        assert found.state == "reversed"

    async def test_a_period_closes_and_opens_while_it_runs(self, scripted, erp, ground, contract):
        period = {"entity": "US01", "month": ground.names.open_period}
        scripted.ask("POST", "/admin/periods", {**period, "closed": True})
        journal = contract.journal(5)
        refused(await erp.post([journal]), "business", "PERIOD_CLOSED")
        scripted.ask("POST", "/admin/periods", {**period, "closed": False})
        accepted(await erp.post([journal]))

    async def test_a_connection_that_breaks_before_the_commit_has_posted_nothing(
        self, scripted, erp, contract
    ):
        scripted.change(reset_rate=1.0)
        journal = contract.journal(5)
        refused(await erp.post([journal]), "ambiguous", "NONE")
        assert await erp.find([journal]) == [None]
        assert scripted.ask("GET", "/admin/counters")["reset"] == 1

    async def test_an_answer_that_is_lost_or_hangs_after_the_commit_has_posted_it(
        self, scripted, ground, erp, contract
    ):
        impatient = ground.connect(ground.url, call_seconds_max=1.0)
        try:
            for number, fault in enumerate(({"lost_rate": 1.0}, {"lost_rate": 0.0, "hang_rate": 1.0})):
                scripted.change(**fault)
                journal = contract.journal(5 + number)
                refused(await impatient.post([journal]), "ambiguous", "NONE")
                (found,) = await erp.find([journal])
                assert found.content_hash == journal.header.content_hash
        finally:
            await impatient.close()
        counters = scripted.ask("GET", "/admin/counters")
        assert (counters["lost"], counters["hung"]) == (1, 1)

    async def test_business_errors_may_end_after_so_many_attempts(self, scripted, erp, contract):
        scripted.change(business_error_rate=1.0, business_error_attempts=2)
        journal = contract.journal(5)
        for _ in range(2):
            refused(await erp.post([journal]), "business", "REFERENCE_MISSING")
        accepted(await erp.post([journal]))

    @pytest.mark.parametrize(
        ("latency_ms", "spread_ms", "shape", "in_time"),
        [
            (30_000, 0, "uniform", {False}),
            (0, 10**9, "exponential", {False}),
            (0, 10**9, "uniform", {False, True}),  # half of what is drawn is below nothing
        ],
    )
    async def test_a_call_takes_the_time_that_the_script_says(
        self, scripted, ground, contract, latency_ms, spread_ms, shape, in_time
    ):
        scripted.change(latency_ms=latency_ms, latency_spread_ms=spread_ms, latency_shape=shape)
        impatient = ground.connect(ground.url, call_seconds_max=2.0)
        try:
            calls = [impatient.find([contract.journal(1)]) for _ in range(25)]
            assert {found is None for (found,) in await asyncio.gather(*calls)} == in_time
        finally:
            await impatient.close()

    async def test_a_cancelled_order_is_changed_no_more(self, erp, contract):
        accepted([(await erp.post([each]))[0] for each in (contract.order(), contract.order_cancel())])
        refused(await erp.post([contract.order_update()]), "permanent", "DOCUMENT_STATE")

    async def test_without_master_data_any_customer_will_do(self, scripted, erp, unknown):
        refused(await erp.post([unknown.order()]), "business", "REFERENCE_MISSING")
        scripted.change(master_data="lenient")
        accepted(await erp.post([unknown.order()]))

    def test_a_change_of_the_script_that_cannot_be_meant_changes_nothing(self, scripted):
        before = scripted.ask("GET", "/admin/script")
        for wrong in ({"slotz": 1}, {"lost_rate": 7}, []):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                scripted.ask("PATCH", "/admin/script", wrong)
        assert scripted.ask("GET", "/admin/script") == before
