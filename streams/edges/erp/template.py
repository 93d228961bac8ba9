"""Bodies, paths and answers of an ERP's interface as data: values of a profile with places for a document's fields.

``{name}`` alone is the value itself (a number stays one, nothing leaves its key out); within other text it is written out.
``{name:odata}`` doubles single quotes, ``{name:quoted}`` escapes double ones, for values inside a query's literals. A table
``{for_each = "entries", as = "entry", item = ...}`` in a list becomes one item for each; ``{when = "name", then = ...,
else = ...}`` is one of the two. Invariant: a name that the variables do not have is an error of the profile, not an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

_PLACE = re.compile(r"\{([A-Za-z_][\w.:@-]*?)(?::(odata|quoted))?\}")
_OWN = frozenset({"for_each", "as", "when"})
Variables = Mapping[str, Any]


class NoSuchName(ValueError):  # noqa: N818 - read aloud: no such name
    """A profile names what no document has."""


def render(template: Any, variables: Variables) -> Any:
    """The template with its places filled. Raises NoSuchName."""
    if isinstance(template, str):
        return _text(template, variables)
    if isinstance(template, list):
        return list(_items(template, variables))
    if isinstance(template, dict):
        if "when" in template:
            is_there = value_of(template["when"], variables) is not None
            return render(template.get("then" if is_there else "else"), variables)
        rendered = {key: render(value, variables) for key, value in template.items()}
        return {key: value for key, value in rendered.items() if value is not None}
    return template


def render_path(template: str, variables: Variables) -> str:
    """A path and query, whose filled places are percent-encoded."""
    return _PLACE.sub(lambda place: quote(_written(place, variables), safe=""), template)


def render_pattern(template: str, variables: Variables) -> str:
    """A regular expression, whose filled places mean themselves."""
    return _PLACE.sub(lambda place: re.escape(_written(place, variables)), template)


def names_in(template: Any, items: Mapping[str, str] | None = None) -> set[str]:
    """All names that a template asks for, whole. An item of a list is told as that: ``{entry.debit}`` as ``entries.*.debit``.

    ``items``: what the items around the template are called -> as what they are told.
    """
    items = items or {}
    if isinstance(template, str):
        return {_told(place[1], items) for place in _PLACE.finditer(template)}
    if isinstance(template, list):
        return {name for each in template for name in names_in(each, items)}
    if not isinstance(template, dict):
        return set()
    asked = {_told(template[key], items) for key in ("for_each", "when") if template.get(key)}
    if template.get("for_each"):
        called = template.get("as") or template.get("as_name") or ""
        items = {**items, called: _told(template["for_each"], items) + ".*"}
    return asked | {
        name for key, each in template.items() if key not in _OWN for name in names_in(each, items)
    }


def _told(name: str, items: Mapping[str, str]) -> str:
    head, dot, rest = name.partition(".")
    return items.get(head, head) + dot + rest


def value_of(name: str, variables: Variables) -> Any:
    """The value of a dotted name; numbers count list items, -1 is the last. None: there is nothing at its end."""
    head, *rest = name.split(".")
    if head not in variables:
        raise NoSuchName(f"the profile asks for {name!r}; the names are {', '.join(sorted(variables))}")
    value = variables[head]
    for part in rest:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]+", part):
            place = int(part)
            value = value[place] if -len(value) <= place < len(value) else None
        else:
            return None
    return value


def _text(template: str, variables: Variables) -> Any:
    whole = _PLACE.fullmatch(template)
    if whole is not None and whole[2] is None:
        return value_of(whole[1], variables)
    return _PLACE.sub(lambda place: _written(place, variables), template)


def _items(template: list[Any], variables: Variables) -> Iterator[Any]:
    for each in template:
        if isinstance(each, dict) and "for_each" in each:
            for value in value_of(each["for_each"], variables) or ():
                yield render(each["item"], {**variables, each["as"]: value})
        else:
            yield render(each, variables)


def _written(place: re.Match[str], variables: Variables) -> str:
    value = value_of(place[1], variables)
    text = "" if value is None else str(value)
    if place[2] == "odata":
        return text.replace("'", "''")
    if place[2] == "quoted":
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text
