"""Business events: what the source systems say, in the past tense. The families stand in modules of their own.

Each class mirrors one ``.avsc`` file, field by field (a test compares them), so that decode yields typed frozen
records and no dict lives past the codec. Invariant: whatever a source can say is imported from here, and its full
Avro name is ``tieout.events.<class>``, whichever module it stands in.
"""

from __future__ import annotations

from tieout.avro.admin_events import (
    AdjustmentLine,
    CollectabilityReassessed,
    CollectionStatusChanged,
    ContractApproved,
    ExceptionResolved,
    ManualAdjustment,
    NoticeGiven,
    ObjectSnapshot,
    OpportunityClosed,
    QuoteAccepted,
    SourceWatermark,
)
from tieout.avro.billing_events import (
    CreditMemoIssued,
    CreditMemoVoided,
    CustomerCreditApplied,
    CustomerCreditGranted,
    DebitMemoIssued,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    DocumentLine,
    InvoicePosted,
    InvoiceRecovered,
    InvoiceVoided,
    InvoiceWrittenOff,
    PaymentReceived,
    PaymentRefunded,
    PaymentReversed,
    PaymentRightEstablished,
    PaymentUnapplied,
    RetentionReleased,
)
from tieout.avro.contract_events import (
    ChangeOrderApproved,
    ChangeOrderPriced,
    ChangeOrderSubmitted,
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractCorrected,
    ContractOpenedMidlife,
    ContractRenewed,
    ContractResumed,
    ContractSnapshot,
    ContractSuspended,
    OwnerTransferred,
    VariableEstimateChanged,
)
from tieout.avro.contract_lines import (
    Bundle,
    EarnedToDate,
    Line,
    LineChange,
    SspNow,
    Terminable,
)
from tieout.avro.delivery_events import (
    AcceptanceRecorded,
    AcceptanceRejected,
    AccessProvisioned,
    AccessRevoked,
    BillAndHoldConfirmed,
    CostIncurred,
    GoodsDelivered,
    GoodsReturned,
    GoodsShipped,
    MilestoneCompleted,
    OrderAccepted,
    OrderBackordered,
    ProgressUpdated,
    RoyaltyReported,
    TimesheetApproved,
)
from tieout.avro.envelope import (
    Day,
    Envelope,
    Micros,
    Minor,
    Name,
    Pii,
    Quantity,
    Scale,
    Stated,
    Text,
    Version,
)
from tieout.avro.erp_events import ErpAccepted, ErpRejected, ErpStatusChanged, RejectedLine
from tieout.avro.usage_events import (
    PrepaidCreditConsumed,
    PrepaidCreditExpired,
    PrepaidCreditGranted,
    UsageCorrected,
    UsagePeriodClosed,
    UsageRated,
    UsageReported,
)

__all__ = [
    "AcceptanceRecorded",
    "AcceptanceRejected",
    "AccessProvisioned",
    "AccessRevoked",
    "AdjustmentLine",
    "BillAndHoldConfirmed",
    "Bundle",
    "ChangeOrderApproved",
    "ChangeOrderPriced",
    "ChangeOrderSubmitted",
    "CollectabilityReassessed",
    "CollectionStatusChanged",
    "ContractActivated",
    "ContractAmended",
    "ContractApproved",
    "ContractCancelled",
    "ContractCorrected",
    "ContractOpenedMidlife",
    "ContractRenewed",
    "ContractResumed",
    "ContractSnapshot",
    "ContractSuspended",
    "CostIncurred",
    "CreditMemoIssued",
    "CreditMemoVoided",
    "CustomerCreditApplied",
    "CustomerCreditGranted",
    "Day",
    "DebitMemoIssued",
    "DisputeLost",
    "DisputeOpened",
    "DisputeWon",
    "DocumentLine",
    "EarnedToDate",
    "Envelope",
    "ErpAccepted",
    "ErpRejected",
    "ErpStatusChanged",
    "Event",
    "ExceptionResolved",
    "GoodsDelivered",
    "GoodsReturned",
    "GoodsShipped",
    "InvoicePosted",
    "InvoiceRecovered",
    "InvoiceVoided",
    "InvoiceWrittenOff",
    "Line",
    "LineChange",
    "ManualAdjustment",
    "Micros",
    "MilestoneCompleted",
    "Minor",
    "Name",
    "NoticeGiven",
    "ObjectSnapshot",
    "OpportunityClosed",
    "OrderAccepted",
    "OrderBackordered",
    "OwnerTransferred",
    "PaymentReceived",
    "PaymentRefunded",
    "PaymentReversed",
    "PaymentRightEstablished",
    "PaymentUnapplied",
    "Pii",
    "PrepaidCreditConsumed",
    "PrepaidCreditExpired",
    "PrepaidCreditGranted",
    "ProgressUpdated",
    "Quantity",
    "QuoteAccepted",
    "RejectedLine",
    "RetentionReleased",
    "RoyaltyReported",
    "Scale",
    "SourceWatermark",
    "SspNow",
    "Stated",
    "Terminable",
    "Text",
    "TimesheetApproved",
    "UsageCorrected",
    "UsagePeriodClosed",
    "UsageRated",
    "UsageReported",
    "VariableEstimateChanged",
    "Version",
]

Event = (
    ContractActivated
    | ContractAmended
    | ContractRenewed
    | ContractCancelled
    | ContractSuspended
    | ContractResumed
    | OwnerTransferred
    | ContractCorrected
    | ContractSnapshot
    | ContractOpenedMidlife
    | ChangeOrderSubmitted
    | ChangeOrderApproved
    | ChangeOrderPriced
    | VariableEstimateChanged
    | InvoicePosted
    | CreditMemoIssued
    | PaymentReceived
    | DebitMemoIssued
    | InvoiceVoided
    | CreditMemoVoided
    | PaymentUnapplied
    | PaymentReversed
    | PaymentRefunded
    | PaymentRightEstablished
    | RetentionReleased
    | CustomerCreditGranted
    | CustomerCreditApplied
    | DisputeOpened
    | DisputeWon
    | DisputeLost
    | InvoiceWrittenOff
    | InvoiceRecovered
    | GoodsDelivered
    | GoodsShipped
    | GoodsReturned
    | BillAndHoldConfirmed
    | OrderAccepted
    | OrderBackordered
    | AcceptanceRecorded
    | AcceptanceRejected
    | AccessProvisioned
    | AccessRevoked
    | MilestoneCompleted
    | CostIncurred
    | ProgressUpdated
    | TimesheetApproved
    | RoyaltyReported
    | UsageReported
    | UsageCorrected
    | UsageRated
    | UsagePeriodClosed
    | PrepaidCreditGranted
    | PrepaidCreditConsumed
    | PrepaidCreditExpired
    | ManualAdjustment
    | ExceptionResolved
    | CollectabilityReassessed
    | CollectionStatusChanged
    | NoticeGiven
    | OpportunityClosed
    | QuoteAccepted
    | ContractApproved
    | SourceWatermark
    | ObjectSnapshot
    | ErpAccepted
    | ErpRejected
    | ErpStatusChanged
)
