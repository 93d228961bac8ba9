"""A profile's templates: values stay what they are, nothing leaves its key out, and a name that is not there is an error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tieout.streams.edges.erp.template import NoSuchName, render, render_path, render_pattern, value_of

NAMES = {
    "amount": Decimal("10.50"),
    "customer": 'O\'Neill & "Sons"',
    "nothing": None,
    "entries": [{"account": "1", "debit": 5}, {"account": "2", "debit": None}],
    "answer": {"items": [{"id": "7"}, {"id": "9"}], "o:code": "X"},
}


def test_a_place_alone_is_the_value_itself_and_in_text_it_is_written_out():
    assert render({"a": "{amount}", "b": "= {amount}", "c": 3}, NAMES) == {
        "a": Decimal("10.50"),
        "b": "= 10.50",
        "c": 3,
    }


def test_nothing_leaves_its_key_out():
    assert render({"a": "{nothing}", "b": "x{nothing}"}, NAMES) == {"b": "x"}


def test_a_list_has_one_item_for_each_and_others_beside_them():
    template = [
        {"for_each": "entries", "as": "e", "item": {"no": "{e.account}", "d": "{e.debit}"}},
        {"no": "last"},
    ]
    assert render(template, NAMES) == [{"no": "1", "d": 5}, {"no": "2"}, {"no": "last"}]


def test_one_of_two_by_whether_a_value_is_there():
    template = {"when": "nothing", "then": "a", "else": "b"}
    assert (render(template, NAMES), render({**template, "when": "amount"}, NAMES)) == ("b", "a")
    assert render({"k": {"when": "nothing", "then": "a"}}, NAMES) == {}


def test_values_in_paths_and_literals_cannot_become_syntax():
    assert render_path("/c?$filter=n eq '{customer:odata}'", NAMES) == (
        "/c?$filter=n eq 'O%27%27Neill%20%26%20%22Sons%22'"
    )
    assert render_path('?q="{customer:quoted}"', NAMES) == ('?q="O%27Neill%20%26%20%5C%22Sons%5C%22"')
    assert render_pattern("^{amount}$", NAMES) == r"^10\.50$"


def test_dotted_names_reach_into_answers_and_end_in_nothing_where_there_is_nothing():
    assert value_of("answer.items.-1.id", NAMES) == "9"
    assert value_of("answer.o:code", NAMES) == "X"
    assert value_of("answer.items.5.id", NAMES) is None
    assert value_of("amount.more", NAMES) is None


def test_a_name_that_the_variables_do_not_have_is_an_error_of_the_profile():
    with pytest.raises(NoSuchName, match="no_such"):
        render("{no_such}", NAMES)
