"""What a life promises and changes: activation, amendments, renewals, ends, estimates of the price.

Invariant: versions are told in the order of their accounting dates; a change names lines of one arrangement alone.
"""

from decimal import Decimal

from oracle.lives.days import weight
from oracle.lives.living import END, Event, Life, date_of, first_of_month, later, months


def activate(life: Life, day: int) -> None:
    """A contract of one to five lines; its price is the sum of their SSP less some discount."""
    lines = [_time_line(life, day)]
    lines += _some(life, day, ("time", "point", "units", "percent", "cost", "drawdown"))
    worth = sum((_worth(line) for line in lines), Decimal(0))
    price = life.part_of(worth, 55, 120) if len(lines) > 1 or life.chance(50) else worth
    lines += _some(life, day, ("usage", "hours"))
    if len(lines) == 1 and life.chance(50):
        for key in ("ssp", "ssp_per"):
            lines[0].pop(key, None)
    life.price = price
    life.tell({"type": "contract_activated", "at": date_of(day), "price": price, "lines": lines})
    life.lines |= {line["po"]: line for line in lines}
    life.last_version = day
    for line in lines:
        if line["measure"] == "cost":
            life.tell(
                {
                    "type": "progress_updated",
                    "at": date_of(day),
                    "id": life.serial("E"),
                    "po": line["po"],
                    "eac": life.money(500, 9_000),
                }
            )


def _some(life: Life, day: int, measures: tuple[str, ...]) -> list[Event]:
    chosen = [measure for measure in measures if measure in life.families and life.chance(30)]
    return [LINES[measure](life, day) for measure in chosen]


def _time_line(life: Life, day: int) -> Event:
    start = day if life.chance(70) else min(END, day + life.random.randrange(60))
    per = life.random.choice(("whole", "month", "day", "unit"))
    line = {
        "po": life.serial("T"),
        "measure": "time",
        "from": date_of(start),
        "to": date_of(
            later(start, months(life, 3, 36)) + (life.random.randrange(25) if life.chance(20) else 0)
        ),
        "qty": life.random.choice((1, 1, 2, 5, 10, 40)),
        "ssp": life.money(20, 900) if per != "day" else life.money(1, 20),
        "ssp_per": per,
    }
    if "gate" in life.families and life.chance(15):
        line["gate"] = "access"
    return line


def _point_line(life: Life, day: int) -> Event:
    line = {"po": life.serial("G"), "measure": "point", "ssp": life.money(50, 5_000)}
    if life.chance(20):
        line["from"] = date_of(day + life.random.randrange(90))
    if life.chance(40):
        line["incoterm"] = life.random.choice(("shipping_point", "destination"))
    if "gate" in life.families and life.chance(30):
        line["gate"] = "acceptance"
    return line


def _units_line(life: Life, _: int) -> Event:
    per = life.random.choice(("whole", "unit"))
    line = {
        "po": life.serial("N"),
        "measure": "units",
        "qty": life.random.choice((3, 10, 100)),
        "ssp": life.money(100, 6_000) if per == "whole" else life.money(5, 300),
        "ssp_per": per,
    }
    if "gate" in life.families and life.chance(15):
        line["gate"] = "acceptance"
    return line


def _percent_line(life: Life, _: int) -> Event:
    line = {"po": life.serial("P"), "measure": "percent", "ssp": life.money(500, 9_000)}
    return line | ({"distinct": True} if life.chance(50) else {})


def _cost_line(life: Life, _: int) -> Event:
    line = {"po": life.serial("C"), "measure": "cost", "ssp": life.money(500, 9_000)}
    if life.chance(30):
        line["progress_digits"] = life.random.randrange(2, 6)
    return line | ({"distinct": True} if life.chance(50) else {})


def _drawdown_line(life: Life, _: int) -> Event:
    line = {"po": life.serial("D"), "measure": "drawdown", "qty": 1_000, "ssp": life.money(500, 5_000)}
    return line | ({"breakage": Decimal("0.1")} if life.chance(40) else {})


def _usage_line(life: Life, day: int) -> Event:
    po = life.serial("U")
    line = {"po": po, "measure": "usage", "meter": f"meter {po}", "unit_price": life.money(1, 9)}
    line["from"] = date_of(day)
    line["aggregation"] = life.random.choice(("sum", "sum", "max", "last_during_period", "last_ever"))
    if life.chance(30):
        line["usage_period"] = "anchored_month"
    if line["aggregation"] == "last_ever":
        line["to"] = date_of(min(END, later(day, 18)))
    return line


def _hours_line(life: Life, _: int) -> Event:
    return {"po": life.serial("H"), "measure": "hours", "unit_price": life.money(50, 200)}


LINES = {
    "time": _time_line,
    "point": _point_line,
    "units": _units_line,
    "percent": _percent_line,
    "cost": _cost_line,
    "drawdown": _drawdown_line,
    "usage": _usage_line,
    "hours": _hours_line,
}


def _worth(line: Event) -> Decimal:
    """SSP of the whole line, to the unit."""
    qty, per = line.get("qty", 1), line.get("ssp_per", "whole")
    if per == "unit":
        return line["ssp"] * qty
    if per in ("month", "day"):
        convention = "days" if per == "day" else "months_prorated"
        span = (line["from"].toordinal(), line["to"].toordinal())
        served = weight(*span, convention, span)
        return line["ssp"] * qty * (served.numerator // served.denominator + (1 if served < 1 else 0))
    return line["ssp"]


def _version_day(life: Life, day: int) -> int | None:
    day = max(first_of_month(life, day), life.last_version + (0 if life.chance(5) else 1))
    if life.ended is not None or day > END - 30 or not (day == life.last_version or life.unpriced_day(day)):
        return None
    return day


def _version(life: Life, kind: str, day: int, **said: object) -> bool:
    event = {"type": kind, "at": date_of(day), **said}
    if life.chance(15) and kind == "contract_amended":
        event["approved"] = date_of(max(life.approved, day - life.random.randrange(40)))
    told = life.tell(event)
    if told:
        life.last_version = day
        life.approved = max(life.approved, event.get("approved", event["at"]).toordinal())
    return told


def change_quantity(life: Life, day: int) -> None:
    """More or fewer seats, at any price."""
    at = _version_day(life, day)
    names = [] if at is None else life.standing(at, "time")
    if names:
        po = life.random.choice(names)
        before = life.lines[po].get("qty", 1)
        qty = life.random.choice((before + 3, before * 2, max(1, before // 2), max(1, before - 1)))
        price = life.money(10, 2_000) + Decimal(7)
        if qty <= before:
            price = -life.part_of(life.remaining(at - 1), 0, 30)
        if _version(life, "contract_amended", at, price_change=price, change=[{"po": po, "qty": qty}]):
            life.lines[po] = life.lines[po] | {"qty": qty}


def extend(life: Life, day: int) -> None:
    """A later or an earlier end of a line."""
    at = _version_day(life, day)
    names = [] if at is None else life.standing(at + 40, "time")
    if names:
        po = life.random.choice(names)
        last = life.lines[po]["to"].toordinal()
        ends = (
            last + life.random.randrange(1, 200) if life.chance(70) else life.random.randrange(at + 5, last)
        )
        price = life.money(0, 900) if ends > last else -life.part_of(life.remaining(at - 1), 0, 20)
        change = {"po": po, "to": date_of(ends)}
        if _version(life, "contract_amended", at, price_change=price, change=[change]):
            life.lines[po] = life.lines[po] | {"to": date_of(ends)}


def reprice(life: Life, day: int) -> None:
    """Another price for what remains, sometimes with the current SSP of a promise."""
    at = _version_day(life, day)
    names = [] if at is None else life.standing(at, "time")
    if names:
        po = life.random.choice(names)
        price = life.money(1, 900) if life.chance(50) else -life.part_of(life.remaining(at - 1), 0, 25)
        said: Event = {"price_change": price, "change": [{"po": po, "qty": life.lines[po].get("qty", 1)}]}
        if "ssp" in life.lines[po] and life.chance(50):
            said["ssp"] = {po: life.money(20, 900)}
        _version(life, "contract_amended", at, **said)


def add_line(life: Life, day: int) -> None:
    """Another promise, at its own price or off it."""
    at = _version_day(life, day)
    if at is None or at <= life.resumes:
        return
    measure = life.random.choice(
        [each for each in ("time", "time", "point", "units") if each in life.families]
    )
    line = LINES[measure](life, at)
    if line["measure"] == "time":
        line["ssp_per"], line["from"] = "whole", date_of(at)
        line["to"] = date_of(later(at, months(life, 2, 24)))
    worth = _worth(line)
    separate = "separate" in life.families and life.chance(40)
    price = worth if separate else life.part_of(worth, 40, 90) - 1
    said: Event = {"price_change": price, "add": [line]}
    if not separate:
        names = life.standing(at, "time")
        if not names:
            return
        po = life.random.choice(names)
        said["change"] = [{"po": po, "qty": life.lines[po].get("qty", 1)}]
    if price > 0 and _version(life, "contract_amended", at, **said):
        life.lines[line["po"]] = line


def remove_line(life: Life, day: int) -> None:
    at = _version_day(life, day)
    names = [] if at is None else life.standing(at, "time", "point", "units")
    if len(names) > 1:
        po = life.random.choice(names)
        price = -life.part_of(life.remaining(at - 1), 0, 30)
        if _version(life, "contract_amended", at, price_change=price, remove=[po]):
            del life.lines[po]


def renew(life: Life, day: int) -> None:
    """A new term behind all that was promised, at its own price."""
    ends = max((line["to"].toordinal() for line in life.lines.values() if "to" in line), default=day)
    at = max(ends + 1, life.last_version + 1)
    if life.ended is None and at < END - 60 and life.unpriced_day(at):
        line = _time_line(life, at)
        line |= {"from": date_of(at), "to": date_of(later(at, months(life, 1, 12))), "ssp_per": "whole"}
        said = {"price": line["ssp"], "lines": [line], "approved": date_of(min(at, day))}
        if _version(life, "contract_renewed", at, **said):
            life.lines[line["po"]] = line


def cancel(life: Life, day: int) -> None:
    """The end: with or without a refund, a fee, and access for a while."""
    at = _version_day(life, day)
    if at is not None and life.chance(40):
        said: Event = {"price_change": -life.part_of(life.remaining(at - 1), 0, 100)}
        if life.chance(40):
            said["access_end"] = date_of(at + life.random.randrange(1, 90))
        if life.chance(30):
            said["fee"] = life.money(1, 500)
        if _version(life, "contract_cancelled", at, **said):
            life.ended = at


def suspend(life: Life, day: int) -> None:
    """Some paused days; the lines end later, or do not."""
    at = _version_day(life, day)
    names = [] if at is None or at <= life.resumes else life.standing(at + 60, "time")
    if names:
        paused = life.random.randrange(5, 50)
        said: Event = {"to": date_of(at + paused)}
        if life.chance(50):
            last = max(life.lines[po]["to"].toordinal() for po in names)
            said["extended_to"] = date_of(last + paused)
        if _version(life, "contract_suspended", at, **said):
            life.resumes = at + paused
            for po in names if "extended_to" in said else ():
                life.lines[po] = life.lines[po] | {"to": said["extended_to"]}


def estimate(life: Life, day: int) -> None:
    """A bonus, a rebate, a penalty: estimated, estimated again, ended."""
    if not life.unpriced_day(day):
        return
    name = life.random.choice(life.estimates) if life.estimates and life.chance(50) else None
    said: Event = life.estimated[name] if name else {"reach": "version_1"}
    if name is None:
        name = life.serial("V")
        if life.chance(30):
            said = {
                "reach": "obligation",
                "po": life.random.choice(life.standing(day, "time", "point") or [""]),
            }
        elif life.chance(20):
            said["refundable"] = True
    if said.get("po") == "":
        return
    amount = life.money(10, 900) if life.chance(55) else -life.part_of(life.remaining(day - 1), 0, 15)
    if life.chance(10) and name in life.estimates:
        amount = Decimal(0)
    event = {"type": "variable_estimate_changed", "at": date_of(day), "id": name, "amount": amount, **said}
    if life.tell(event) and name not in life.estimates:
        life.estimates.append(name)
        life.estimated[name] = said
