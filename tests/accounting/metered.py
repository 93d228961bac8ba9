"""A metered line by hand, its usage and what was rated of it, without any event."""

from accounting.agreements import CAUSE, day, item

from tieout.agents.accounting.dated_amounts import period_of
from tieout.tables.work import RatedUsage, UsageBucket, UsageDetail

JANUARY = day("2025-01-01")


def usage_line(aggregation="sum", price=100, period="calendar_month", **more):
    start, end = more.pop("start", "2025-01-01"), more.pop("end", "2025-12-31")
    return item(
        "U", "amount", None, start=start, end=end, amount_of="usage", unit_price=price,
        aggregation=aggregation, usage_period=period, **more,
    )  # fmt: skip


def used(name, at, quantity, replaces="", scale=0, version=1):
    named = f"s\x1f{replaces}" if replaces else ""
    return UsageDetail(f"s\x1f{name}\x1fusage", version, at, quantity, scale, named, CAUSE)


def rated(name, at, amount, *, replaces=True):
    return RatedUsage(name, at, 1, 0, amount, CAUSE, 1, replaces)


def buckets_of(line, details=(), ratings=()):
    """Buckets of details, and of (first day, rated amount)."""
    found = {}
    for each in details:
        first = period_of(line, each.at)[0]
        found.setdefault(first, ([], []))[0].append(each)
    for first, each in ratings:
        found.setdefault(first, ([], []))[1].append(each)
    return [
        UsageBucket(
            "C1", "m", first, "C1@1", "U", tuple(sorted(ratings, key=lambda each: each.id)),
            tuple(sorted(details, key=lambda each: each.id)),
        )
        for first, (details, ratings) in sorted(found.items())
    ]  # fmt: skip
