"""Usage that goes on from period to period, up to the end of its line as that is known."""

import pytest
from accounting.agreements import day, version
from accounting.metered import JANUARY, buckets_of, rated, usage_line, used
from msgspec.structs import replace

from tieout.agents.accounting.dated_amounts import amounts_of, with_rated
from tieout.tables.dated import moves


def carried(*terms):
    """What a line carries forward from its usage of 3 January, 10 units at 100, to its end in March."""
    line = usage_line("last_ever", end="2025-03-31")
    found = amounts_of(line, buckets_of(line, [used("a", JANUARY + 2, 10)]), None, (), terms)
    return [at for at, _ in moves(found.steps)][1:]


def test_a_line_that_carries_usage_ends_as_its_versions_say_from_their_day_on():
    """Each as known when the period ended: an end in May, told in March, counts for March and later."""
    february, march = day("2025-02-28"), day("2025-03-31")
    assert carried() == [february, march]
    longer = version(2, "2025-03-15", change=[("U", "last", day("2025-05-10"))])
    assert carried(longer) == [february, march, day("2025-04-30"), day("2025-05-10")]
    assert carried(version(2, "2025-03-15", change=[("X", "last", day("2025-05-10"))])) == [february, march]
    assert carried(version(2, "2025-03-15", change=[("U", "qty", day("2025-05-10"))])) == [february, march]
    shorter = version(2, "2025-02-10", change=[("U", "last", day("2025-03-10"))])
    assert carried(shorter) == [february, day("2025-03-10")]


def test_a_line_that_carries_usage_ends_the_day_before_it_is_cancelled_or_removed():
    """Told on 5 March for the eleventh: March counts on its tenth day. Told on that day itself it counts on that day."""
    february, march = day("2025-02-28"), day("2025-03-31")

    def told_ahead(**how):
        return carried(replace(version(2, "2025-03-05", **how), effective=day("2025-03-11")))

    assert told_ahead(kind="cancel") == told_ahead(drop=["U"]) == [february, day("2025-03-10")]
    assert told_ahead(drop=["X"]) == [february, march]
    assert carried(version(2, "2025-03-11", kind="cancel")) == [february, day("2025-03-11")]
    assert carried(version(2, "2025-06-01", kind="cancel")) == [february, march]
    early = version(2, "2025-02-10", change=[("U", "last", day("2025-03-05"))])
    assert carried(early, version(3, "2025-03-01", kind="cancel")) == [february]
    assert carried(early, version(3, "2025-04-01", kind="cancel")) == [february, day("2025-03-05")]


def test_a_line_that_carries_usage_goes_on_to_the_end_of_access_where_a_cancellation_states_one():
    ends = version(2, "2025-02-11", access_end=day("2025-03-20"))
    assert carried(replace(ends, kind="cancel")) == [day("2025-02-28"), day("2025-03-20")]


@pytest.mark.parametrize(
    ("last", "left"),
    [("2025-03-09", [400]), ("2025-03-10", [400]), ("2025-03-31", [1000, -600]), ("2025-03-08", [400, 1000])],
    ids=[
        "to the line's last day",
        "to the day on which it was told",
        "the whole month",
        "not to its last day",
    ],
)
def test_what_is_carried_to_a_cancellation_is_rated_by_the_last_day_of_its_line(last, left):
    """Cancelled at once on 10 March, the day on which it counts: the line was used through the ninth."""
    line, ends = usage_line("last_ever", end="2025-12-31"), version(2, "2025-03-10", kind="cancel")
    usage, ratings = [used("a", JANUARY + 2, 10)], [(day("2025-03-01"), rated("R", day(last), 400))]
    found = amounts_of(line, buckets_of(line, usage, ratings), None, (), (ends,))
    assert [amount for at, amount in moves(found.steps) if at >= day("2025-03-01")] == left
    early = amounts_of(line, buckets_of(line, usage), None, (), (ends,))
    (bucket,) = [each for each in buckets_of(line, usage, ratings) if each.rated]
    assert with_rated(early, line, {}, bucket.first, bucket.rated[0]) == found
