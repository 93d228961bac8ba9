"""Goal: the limit of calls at once follows from what the ERP answered, call by call."""

from __future__ import annotations

from dataclasses import replace

from tieout.streams.edges.erp.pace import BreakerSettings, ended, paced


def test_a_refusal_of_what_went_well_before_says_that_the_erp_takes_less_now():
    settings = BreakerSettings()
    tried = replace(paced(40), limit=21.0, threshold=20.0)
    one_too_many = ended(tried, "throttled", 1.0, 2.0, settings)
    assert (one_too_many.limit, one_too_many.threshold) == (20.0, 20.0)
    less = ended(one_too_many, "throttled", 3.0, 4.0, settings)
    assert (less.limit, less.threshold) == (15.0, 15.0)
    same = ended(less, "throttled", 3.5, 5.0, settings)
    assert (same.limit, same.threshold) == (15.0, 15.0), "it was under way when the limit was lowered"
