"""Documents and cash: invoices in advance by month, quarter or year, credit memos by reason, payments.

Invariant: nothing is billed over the price (an over-billing without a reason would be an exception of its own);
a payment never exceeds what is open on the day it is made, except a deposit, which is paid before anything is
billed and is taken off the first invoice; a contract's payments all name their invoice, or none does, and they do
where there are credit memos.
"""

from __future__ import annotations

from tieout.avro.events import (
    CreditMemoIssued,
    Day,
    DocumentLine,
    InvoicePosted,
    Minor,
    PaymentReceived,
)
from tieout.streams.operate.generate.calendar import add_months
from tieout.streams.operate.generate.promises import months_between
from tieout.streams.operate.generate.sketch import Posted, Promise, Sketch

PRICE_REASONS = ("refund_proportional", "rebate", "consideration_payable", "future_discount")
"""Move the price forward: only before any other modification of the arrangement."""
PAST_REASONS = ("concession_past", "sla_credit", "implicit_concession")
"""Revenue of the past, at once."""
NO_EFFECT_REASONS = ("billing_error", "rebill", "tax_only", "duplicate")
"""Move the amount due (``tax_only`` not even that)."""
NAMED = 0.85
"""Share of contracts whose payments name the invoice; never both kinds, or cash would settle what is paid already."""
UNPAID, IN_PARTS = 0.25, 0.10
"""Share of invoices that stay open, and that are paid in two parts."""


def tax_on(sketch: Sketch, amount: Minor) -> Minor:
    """Tax at the entity's rate, half up."""
    return (amount * sketch.entity.tax_permille + 500) // 1000


def invoice(sketch: Sketch, at: Day, shares: list[tuple[str, Minor]], *, about: int = 1) -> None:
    """Post one invoice, unless it has no amount or lies beyond the recorded days."""
    shares = [(po, amount) for po, amount in shares if amount > 0]
    if not shares or at > sketch.last_day:
        return
    number = f"{sketch.contract_id}-I{len(sketch.invoices) + 1:02}"
    lines = tuple(
        DocumentLine(po=po, amount_minor=amount, tax_minor=tax_on(sketch, amount)) for po, amount in shares
    )
    amount = sum(line.amount_minor for line in lines)
    tax = sum(line.tax_minor for line in lines)
    sketch.tell(
        at,
        InvoicePosted(
            envelope=sketch.envelope("invoice_posted", number, 1, at, at),
            currency=sketch.currency,
            invoice_number=number,
            amount_minor=amount,
            tax_minor=tax,
            due_date=at + 30,
            unconditional=True,
            lines=lines,
            part_number=1,
            part_count=1,
            document_total_minor=amount + tax,
        ),
        about=about,
    )
    po = max(lines, key=lambda line: line.amount_minor).po or ""
    sketch.invoices.append(Posted(number, at, po, amount, tax, about))


def credit(
    sketch: Sketch,
    at: Day,
    po: str,
    amount: Minor,
    reason: str | None,
    *,
    against: Posted | None = None,
    version: int | None = None,
    about: int = 1,
) -> None:
    """Issue a credit memo, at most for what is left of the invoice that it names: the largest one, if none is given.

    It may settle a ``version``.
    """
    sent = [each for each in sketch.invoices if each.at <= at]
    if at > sketch.last_day or not sent:
        return
    against = against or max(sent, key=lambda each: (each.left, each.number))
    amount = min(amount, against.left)
    about = max(about, against.about)
    number = f"{sketch.contract_id}-M{len(sketch.story) + 1:03}"
    net = 0 if reason == "tax_only" else amount
    tax = min(tax_on(sketch, amount), against.open)
    if not net and not tax:
        return
    sketch.named_payments_only = True
    against.credited += net + tax
    against.credited_net += amount
    sketch.tell(
        at,
        CreditMemoIssued(
            envelope=sketch.envelope("credit_memo_issued", number, 1, at, at),
            currency=sketch.currency,
            memo_number=number,
            amount_minor=net,
            tax_minor=tax,
            reason=reason,
            invoice_number=against.number,
            modification_version=version,
            lines=(DocumentLine(po=po, amount_minor=net, tax_minor=tax),),
        ),
        about=about,
    ).code = "CREDIT_REASON_UNKNOWN" if reason is None else None


def bill_term(sketch: Sketch, promises: list[Promise], every_months: int, deposit: Minor) -> None:
    """Invoices in advance over the term; whatever is not earned over time goes on the first one.

    Each part is cumulative, so that the parts add up to the price. Billing stops where service ends.
    """
    begin = sketch.start + (5 if deposit else 0)
    timed = [each for each in promises if each.product.measure == "time"]
    months = max(1, round(months_between(sketch.start, max(p.last for p in promises))))
    parts = -(-months // every_months)
    for part in range(parts):
        at = begin if part == 0 else add_months(sketch.start, part * every_months)
        if at > sketch.last_day or at > sketch.ends:
            return
        shares = [
            (each.po, each.price * (part + 1) // parts - each.price * part // parts)
            for each in timed
            if each.last >= at
        ]
        if part == 0:
            shares += [
                (each.po, each.price) for each in promises if each.product.measure in ("point", "units")
            ]
            shares = _less(shares, deposit)
        invoice(sketch, at, shares)


def _less(shares: list[tuple[str, Minor]], deposit: Minor) -> list[tuple[str, Minor]]:
    """The shares with the deposit taken off the largest one, which is at least twice as large."""
    largest = max(range(len(shares)), key=lambda index: shares[index][1])
    po, amount = shares[largest]
    assert deposit * 2 <= amount or not deposit, (
        "a deposit is at most half of the first invoice's largest share"
    )
    shares[largest] = (po, amount - deposit)
    return shares


def pay_deposit(sketch: Sketch, amount: Minor) -> None:
    """An advance on the day the contract starts, before anything is billed."""
    payment(sketch, sketch.start, amount, None)


def payment(sketch: Sketch, at: Day, amount: Minor, number: str | None, *, about: int = 1) -> None:
    """Receive cash, for an invoice or for whatever is open."""
    if amount <= 0 or at > sketch.last_day:
        return
    payment_id = f"{sketch.contract_id}-P{len(sketch.story) + 1:03}"
    sketch.tell(
        at,
        PaymentReceived(
            envelope=sketch.envelope("payment_received", payment_id, 1, at, at),
            currency=sketch.currency,
            amount_minor=amount,
            invoice_number=number,
        ),
        about=about,
    )


def pay_invoices(sketch: Sketch) -> None:
    """Most invoices are paid in full after some days, some in two parts, some not at all."""
    rng = sketch.rng
    named = sketch.named_payments_only or sketch.chance(NAMED)
    for posted in list(sketch.invoices):
        outcome = rng.random()
        at = posted.at + rng.randint(3, 45)
        number = posted.number if named else None
        if posted.open <= 0 or outcome < UNPAID:
            continue
        if outcome < UNPAID + IN_PARTS and not posted.credited:
            half = posted.open * rng.randint(20, 70) // 100
            payment(sketch, at, half, number, about=posted.about)
            if sketch.chance(0.5):
                payment(sketch, at + rng.randint(5, 20), posted.open - half, number, about=posted.about)
        else:
            payment(sketch, at, posted.open, number, about=posted.about)
