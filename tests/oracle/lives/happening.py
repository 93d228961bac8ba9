"""What happens in a life beside its versions: transfers, use and work, invoices, credits and cash.

Invariant: evidence never goes beyond what is promised, and a document about a document names one that exists.
"""

from decimal import Decimal

from oracle.lives.days import label, month_end
from oracle.lives.living import END, REASONS, Event, Life, date_of


def perform(life: Life, day: int) -> None:
    """Evidence for some promise."""
    names = [po for po, line in life.lines.items() if line["measure"] != "time" or line.get("gate")]
    if names:
        po = life.random.choice(names)
        line = life.lines[po]
        if line.get("gate") and life.chance(40) and po not in life.opened:
            kind = "access_provisioned" if line["gate"] == "access" else "acceptance_recorded"
            if kind == "access_provisioned" and day >= line["to"].toordinal():
                return
            life.opened.add(po)
            _happened(life, kind, day, po=po)
        elif line["measure"] in EVIDENCE:
            EVIDENCE[line["measure"]](life, day, line)


def _happened(life: Life, kind: str, day: int, **said: object) -> str:
    name = life.serial("e")
    life.tell({"type": kind, "at": date_of(day), "id": name, **said})
    return name


def _delivered(life: Life, day: int, line: Event) -> None:
    po, total = line["po"], line.get("qty", 1)
    left = total - life.moved.get(po, 0)
    if left <= 0:
        return
    qty = left if line["measure"] == "point" or life.chance(30) else life.random.randint(1, left)
    life.moved[po] = life.moved.get(po, 0) + qty
    kinds = {"shipping_point": "goods_shipped", "destination": "goods_delivered"}
    _happened(life, kinds.get(line.get("incoterm"), "goods_delivered"), day, po=po, qty=qty)


def _percent(life: Life, day: int, line: Event) -> None:
    """Later estimates are higher, and no two of one day."""
    po = line["po"]
    at, before = life.progressed.get(po, (0, 0))
    if day > at and before < 100:
        now = min(100, before + life.random.randint(1, 40))
        life.progressed[po] = (day, now)
        _happened(life, "progress_updated", day, po=po, percent=Decimal(now) / 100)


def _cost(life: Life, day: int, line: Event) -> None:
    po = line["po"]
    if life.chance(25):
        at, _ = life.progressed.get(po, (0, 0))
        if day > max(at, life.last_version):
            life.progressed[po] = (day, 0)
            _happened(life, "progress_updated", day, po=po, eac=life.money(500, 9_000))
    else:
        _happened(life, "cost_incurred", day, po=po, amount=life.money(5, 400))


def _consumed(life: Life, day: int, line: Event) -> None:
    po = line["po"]
    left = 1_000 - life.moved.get(po, 0)
    if po in life.opened or left <= 1:
        return
    if life.chance(8):
        life.opened.add(po)
        _happened(life, "prepaid_credit_expired", day, po=po)
        return
    qty = life.random.randint(1, min(left, 300))
    life.moved[po] = life.moved.get(po, 0) + qty
    _happened(life, "prepaid_credit_consumed", day, po=po, qty=qty)


def _used(life: Life, day: int, line: Event) -> None:
    po, meter = line["po"], line["meter"]
    kind = life.metered.setdefault(
        po, "rated" if life.chance(30) and line["aggregation"] == "sum" else "used"
    )
    if life.ended is not None or ("to" in line and day > line["to"].toordinal()):
        return
    if kind == "rated":
        day = month_end(day)
        if (po, day) in life.rated or day > END:
            return
        life.rated.add((po, day))
        _happened(life, "usage_rated", day, meter=meter, period=label(day), amount=life.money(0, 300))
        return
    if life.used.get(po) and life.chance(20):
        replaced = life.used[po].pop()
        name = _happened(
            life, "usage_corrected", day, meter=meter, qty=life.random.randint(0, 60), replaces=replaced
        )
    else:
        name = _happened(life, "usage_reported", day, meter=meter, qty=life.random.randint(0, 60))
    life.used.setdefault(po, []).append(name)


def _worked(life: Life, day: int, line: Event) -> None:
    said: Event = {"po": line["po"], "hours": Decimal(life.random.randint(1, 70)) / 4}
    _happened(life, "timesheet_approved", day, **said)


EVIDENCE = {
    "point": _delivered,
    "units": _delivered,
    "percent": _percent,
    "cost": _cost,
    "drawdown": _consumed,
    "usage": _used,
    "hours": _worked,
}


def bill(life: Life, day: int) -> None:
    """An invoice for some of the price, with or without tax; seldom a right without one."""
    amount = life.part_of(max(life.price, Decimal(100)), 2, 60)
    if amount <= 0:
        return
    name = life.serial("I")
    po = life.random.choice(sorted(life.lines))
    event = {"type": "invoice_posted", "at": date_of(day), "id": name, "amount": amount, "po": po}
    if life.chance(25):
        event["tax"] = life.part_of(amount, 5, 25)
    if life.chance(40):
        event["due"] = date_of(day + 30)
    life.tell(event)
    life.open[name] = amount + event.get("tax", 0)
    life.billed[name] = amount
    life.taxed |= {name} if event.get("tax") else set()


def pay(life: Life, day: int) -> None:
    """Cash for an invoice, or for all that is open and more: an advance. Not while a credit is to be paid back."""
    if any(left < 0 for left in life.open.values()):
        return
    owed = {name: left for name, left in life.open.items() if left > 0}
    said: Event = {"type": "payment_received", "at": date_of(day), "id": life.serial("P")}
    if owed and life.chance(75):
        name = life.random.choice(sorted(owed))
        amount = owed[name] if life.chance(60) else life.part_of(owed[name], 1, 99)
        if amount > 0:
            life.open[name] -= amount
            life.touched.add(name)
            life.tell(said | {"invoice": name, "amount": amount})
    elif life.chance(50):
        life.tell(said | {"amount": sum(owed.values(), Decimal(0)) + life.money(1, 900)})
        life.open |= dict.fromkeys(owed, Decimal(0))
        life.touched |= set(owed)


def credit(life: Life, day: int) -> None:
    """A credit memo; its reason says what it does to the price."""
    names = sorted(name for name in life.billed if life.billed[name] > 0 and name not in life.lost)
    if not names or not life.unpriced_day(day):
        return
    name = life.random.choice(names)
    if life.begun[_line_of(life, name)] > day:
        return
    reason = life.random.choice(REASONS)
    amount = life.part_of(life.billed[name], 1, 40)
    limit = life.part_of(life.remaining(day - 1), 0, 20)
    amount = amount if reason in REASONS[5:] else min(amount, limit)
    event = {"type": "credit_memo_issued", "at": date_of(day), "id": life.serial("M"), "amount": amount,
             "reason": reason, "invoice": name, "po": _line_of(life, name)}  # fmt: skip
    if amount > 0 and life.tell(event):
        life.open[name] -= amount
        life.billed[name] -= amount
        life.touched.add(name)
        life.memos.append(event)


def _line_of(life: Life, name: str) -> str:
    return next(event["po"] for event in life.events if event.get("id") == name and "po" in event)


def refund(life: Life, day: int) -> None:
    """Cash for a credit on an invoice that had been paid."""
    for memo in life.memos:
        name = memo["invoice"]
        if life.open[name] < 0 and memo["at"].toordinal() < day:
            amount = min(-life.open[name], memo["amount"])
            life.open[name] += amount
            life.memos.remove(memo)
            said: Event = {"type": "payment_refunded", "at": date_of(day), "id": life.serial("R")}
            life.tell(said | {"amount": amount, "credit_memo": memo["id"]})
            return


def void(life: Life, day: int) -> None:
    """An invoice that nobody has touched never counted."""
    names = sorted(set(life.billed) - life.touched)
    if names:
        name = life.random.choice(names)
        life.touched.add(name)
        life.open[name] = life.billed[name] = Decimal(0)
        life.tell({"type": "invoice_voided", "at": date_of(day), "id": life.serial("X"), "invoice": name})


def write_off(life: Life, day: int) -> None:
    """What will not be paid; seldom some of it comes back."""
    lost = [name for name in life.lost if life.lost[name] > 0]
    if lost and life.chance(50):
        name = life.random.choice(lost)
        amount = life.part_of(life.lost[name], 10, 100)
        life.lost[name] -= amount
        said: Event = {"type": "invoice_recovered", "at": date_of(day), "id": life.serial("Y")}
        if amount > 0:
            life.tell(said | {"invoice": name, "amount": amount})
        return
    names = sorted(name for name, left in life.open.items() if left > 0 and name not in life.taxed)
    if names and life.unpriced_day(day):
        name = life.random.choice(names)
        amount = life.part_of(life.open[name], 10, 100)
        said = {
            "type": "invoice_written_off",
            "at": date_of(day),
            "id": life.serial("W"),
            "reason": "bad_debt",
        }
        if amount > 0 and life.tell(said | {"invoice": name, "amount": amount}):
            life.open[name] -= amount
            life.touched.add(name)
            life.lost[name] = life.lost.get(name, Decimal(0)) + amount
