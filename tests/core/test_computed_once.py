"""Computed when it is asked for, once for each object."""

from tieout.tables.computed_once import computed_once


class Asked:
    def __init__(self, answer):
        self.answer, self.times = answer, 0

    @computed_once
    def given(self):
        """What is given."""
        self.times += 1
        return self.answer


def test_an_answer_is_computed_once_for_each_object_even_where_it_is_nothing():
    for answer in (7, None, ()):
        asked, other = Asked(answer), Asked("other")
        assert asked.times == 0
        assert [asked.given, asked.given, other.given] == [answer, answer, "other"]
        assert (asked.times, other.times) == (1, 1)


def test_it_says_what_its_method_says():
    assert Asked.given.__doc__ == "What is given."
