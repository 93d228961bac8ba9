"""Builds HTML so that forgetting to escape is impossible: text is escaped unless it came out of ``el``."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Html(str):
    """Finished HTML. Only ``el`` and ``join`` make it."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]

_VOID = frozenset({"meta", "link", "br"})


def el(tag: str, *children: Child, **attributes: str | int | None) -> Html:
    """``el("td", "a<b", class_="n")`` gives ``<td class="n">a&lt;b</td>``. Attributes that are None are left out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        assert not children, tag
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Child) -> Html:
    """Children one after the other, escaped where they are plain text."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str | int):
        return Html(escape(str(children), quote=True))
    return Html("".join(join(child) for child in children))
