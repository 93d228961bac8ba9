"""What people decide beside the contract: manual journals, resolved exceptions, assessments of the customer.

Invariant: a manual journal stands beside the targets, which never take it back. An event type of the family
that is not in ``RULES`` (source_watermark, object_snapshot) is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules
from tieout.agents.contracts.assessments import collectability_reassessed
from tieout.agents.contracts.manual_journals import manual_adjustment
from tieout.agents.contracts.resolutions import exception_resolved
from tieout.avro.events import CollectabilityReassessed, ExceptionResolved, ManualAdjustment

RULES: Rules = {
    ManualAdjustment: manual_adjustment,
    ExceptionResolved: exception_resolved,
    CollectabilityReassessed: collectability_reassessed,
}
