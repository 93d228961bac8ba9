"""Goal: an activation that its ERP takes half is seen as that, goes on from the failed step, or leaves nothing that is not reversed.

Method: broker, worker and stand-in as processes; the ERP knows no item, so that it takes customers and refuses orders. People
decide by the events that they would send.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from erp.posting_ground import PostingGround, apart
from erp.standin_ground import KEY, started

from tieout.avro.codec import Codec
from tieout.avro.outcomes import CrmFeedback, ExceptionItem
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.topics import CRM_FEEDBACK, EXCEPTIONS

pytestmark = pytest.mark.broker
LINKED = Path(__file__).resolve().parents[1] / "fixtures" / "zuora-linked"
SCRIPT = f"""
key = "{KEY}"
master_data = "required"
[companies.US]
items = ["NO-ITEM-OF-OURS"]
"""
ACCOUNT = """
[erp-us]
partition = 0
adapter = "standin"
url = "{url}"
secret_env = "STANDIN_KEY"
slots = 5
"""


def read(ground, topic) -> list:
    found: list = []
    bootstrap = ground.environment["TIEOUT_BOOTSTRAP"]
    apart(read_topics(bootstrap, {topic: 2}, Codec.load(), lambda message, *_: found.append(message)))
    return found


def stands(ground) -> dict[str, CrmFeedback]:
    """Contract -> what was told of it last."""
    return {each.contract_id: each for each in read(ground, CRM_FEEDBACK)}


def decide(ground, folder: Path, item: ExceptionItem, decision: str) -> None:
    line = {
        "type": "exception_resolved",
        "envelope": {
            "source": "desk",
            "object_type": "exception",
            "object_id": item.exception_id,
            "object_version": 1,
            "tenant": item.tenant,
            "group_id": item.group_id,
            "contract_id": item.contract_id,
            "legal_entity": "US",
            "occurred_at": "2025-02-01T00:00:00Z",
            "effective_date": "2025-02-01",
        },
        "exception_id": item.exception_id,
        "decision": decision,
        "approver": "ada",
    }
    file = folder / f"{decision}.jsonl"
    file.write_text(json.dumps(line) + "\n")
    ground.tieout("produce", str(file))


def test_a_half_done_activation_goes_on_from_its_failed_step_or_is_taken_back(tmp_path):
    with (
        started(tmp_path, SCRIPT) as erp,
        PostingGround(
            tmp_path,
            ACCOUNT.format(url=erp.url),
            {"STANDIN_KEY": KEY, "TIEOUT_AGENTS": "contracts,control,posting"},
        ) as ground,
    ):
        reference = str(LINKED / "reference.jsonl")
        ground.tieout("reference", "publish", reference, "--activate", "--tenant", "acme")
        export = ("ingest", "zuora-export", str(LINKED), "--tenant", "acme", "--entity", "US")
        ground.tieout(*export, "--price-is-ssp")
        ground.until(
            "every order is refused",
            lambda: (now := stands(ground)) and {each.status for each in now.values()} == {"posting_failed"},
        )
        told = stands(ground)
        for each in told.values():
            steps = {step.step: step.state for step in each.onboarding}
            assert (steps["customer"], steps["order"], each.reason) == ("done", "failed", "ERP_REFERENCE")
        going_on, taken_back = sorted(told)[:2]
        items = {each.contract_id: each for each in read(ground, EXCEPTIONS) if each.code == "ERP_REFERENCE"}
        erp.change(companies={"US": {}})
        decide(ground, tmp_path, items[going_on], "retry")
        decide(ground, tmp_path, items[taken_back], "cancel")
        ground.until(
            "one goes on", lambda: stands(ground)[going_on].status not in ("posting_failed", "validating")
        )
        ground.until("one is taken back", lambda: stands(ground)[taken_back].status == "cancelled")
        documents = [each["document"] for each in erp.ask("GET", "/admin/documents")["documents"]]
    orders = {each["contract_id"] for each in documents if each["kind"] == "sales_order.create"}
    assert orders == {going_on}
    assert {each["kind"] for each in documents if each["contract_id"] == taken_back} == {"customer.upsert"}
