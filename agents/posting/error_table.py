"""What an ERP's refusal means, as data: a vendor's documented answers become rows, and code never asks for a vendor's name.

Invariant: every answer gets exactly one verdict, by the first row that fits, then by what HTTP itself promises (RFC 9110).
What nobody foresaw errs towards asking: an unknown 5xx, or a 2xx, 3xx or conflict that says no more, is ``ambiguous``
(it may have been executed: read back), because a wrong "not posted" posts twice. Any other unknown 4xx is a definite no:
``permanent`` and UNCLASSIFIED, because sending it again would be refused again, and a person with the ERP's own words can
add the row that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

import msgspec

from tieout.agents.posting.answers import Reason, RefusalKind, Refused

TEXT_CHARACTERS_MAX = 500
"""Of the ERP's own words, in a refusal."""
RETRY_AFTER_MS_MAX = 3_600_000
"""An hour: a longer wait that an ERP asks for is asked for again."""

_DIGITS_MAX = 9
"""Python refuses to read a number of thousands of digits, which a header has room for."""

VerdictKind = RefusalKind | Literal["duplicate"]
"""``duplicate``: the ERP has a document of this id; whether it is the same one is for the content to say."""


class ErpAnswer(NamedTuple):
    """What an ERP said. ``code`` is its error code or "", ``text`` its words; header names are in lower case."""

    status: int
    code: str = ""
    text: str = ""
    headers: Mapping[str, str] = {}


class Verdict(NamedTuple):
    """What it means."""

    kind: VerdictKind
    reason: Reason


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: all that is stated has to fit.

    ``status``: "400", "4xx", "500-504" or "any". ``code`` is the whole error code, ``code_pattern`` a regular expression
    for all of it, ``text_pattern`` one that is searched for in the words, in any case. ``header``: one that has to be
    there. ``source``: the vendor's page or section that says so.
    """

    kind: VerdictKind
    reason: Reason = "NONE"
    status: str = "any"
    code: str | None = None
    code_pattern: str | None = None
    text_pattern: str | None = None
    header: str | None = None
    source: str = ""


class ErrorTableWrong(ValueError):  # noqa: N818 - read aloud: the error table is wrong
    """A table that cannot be used; says which row, why, and what to write."""


class _Row(NamedTuple):
    statuses: range
    code: re.Pattern[str] | None
    text: re.Pattern[str] | None
    header: str | None
    verdict: Verdict

    def fits(self, answer: ErpAnswer) -> bool:
        return (
            answer.status in self.statuses
            and (self.code is None or self.code.fullmatch(answer.code) is not None)
            and (self.text is None or self.text.search(answer.text) is not None)
            and (self.header is None or self.header in answer.headers)
        )


class ErrorTable:
    """Rows in order, ready to be asked."""

    def __init__(self, rows: Iterable[ErrorRow]) -> None:
        self._rows = tuple([_read(number, row) for number, row in enumerate(rows, 1)])

    @classmethod
    def of(cls, rows: Any) -> ErrorTable:
        """The table of plain data, as a file gives it. Raises ErrorTableWrong."""
        try:
            read = msgspec.convert(rows, list[ErrorRow])
        except msgspec.ValidationError as wrong:
            raise ErrorTableWrong(f"the error table has a row that is none: {wrong}") from wrong
        return cls(read)

    def verdict(self, answer: ErpAnswer) -> Verdict:
        """The first row that fits; else what HTTP says of the status."""
        for row in self._rows:
            if row.fits(answer):
                return row.verdict
        return _by_http(answer.status)

    def refused(self, answer: ErpAnswer, verdict: Verdict, now_seconds: int) -> Refused:
        """A verdict that is no duplicate, with the ERP's own words. ``now_seconds``: since 1970, for a date to wait for."""
        assert verdict.kind != "duplicate", answer
        wait = retry_after_ms(answer.headers.get("retry-after"), now_seconds)
        return refusal(verdict.kind, verdict.reason, answer.code or str(answer.status), answer.text, wait)


def refusal(
    kind: RefusalKind, reason: Reason, code: str, text: str, retry_after: int | None = None
) -> Refused:
    """A refusal with the code and words cut to what one may hold; ``retry_after`` in milliseconds."""
    return Refused(kind, reason, code[:TEXT_CHARACTERS_MAX], text[:TEXT_CHARACTERS_MAX], retry_after)


def retry_after_ms(value: str | None, now_seconds: int) -> int | None:
    """Milliseconds of a Retry-After header: whole seconds or an HTTP date (RFC 9110 10.2.3). None: not said, or not readable."""
    if value is None:
        return None
    stated = value.strip()
    if stated.isascii() and stated.isdigit():
        return (
            min(int(stated) * 1000, RETRY_AFTER_MS_MAX) if len(stated) <= _DIGITS_MAX else RETRY_AFTER_MS_MAX
        )
    try:
        until = parsedate_to_datetime(stated)
    except ValueError:
        return None
    return min(max(int(until.timestamp()) - now_seconds, 0) * 1000, RETRY_AFTER_MS_MAX)


_BY_STATUS: Mapping[int, Verdict] = {
    401: Verdict("auth", "NONE"),
    403: Verdict("auth", "NONE"),
    407: Verdict("auth", "NONE"),
    408: Verdict("ambiguous", "NONE"),
    409: Verdict("ambiguous", "NONE"),
    425: Verdict("transient", "NONE"),
    429: Verdict("throttled", "NONE"),
}
"""408 may have come in parts, and a 409 may be our own earlier attempt: both are read back."""

_CLIENT_ERRORS = range(400, 500)
_EVERY_STATUS = range(100, 600)


def _by_http(status: int) -> Verdict:
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status in _CLIENT_ERRORS:
        return Verdict("permanent", "UNCLASSIFIED")
    return Verdict("ambiguous", "NONE")


def _read(number: int, row: ErrorRow) -> _Row:
    where = f"row {number} of the error table"
    definite = row.kind in {"business", "permanent"}
    if definite == (row.reason == "NONE"):
        raise ErrorTableWrong(
            f"{where}: kind {row.kind} with reason {row.reason}; business and permanent say why, the others say NONE"
        )
    if row.code is not None and row.code_pattern is not None:
        raise ErrorTableWrong(f"{where} has code and code_pattern; keep one of them")
    code = re.escape(row.code) if row.code is not None else row.code_pattern
    return _Row(
        _statuses(row.status, where),
        _pattern(code, where, re.NOFLAG),
        _pattern(row.text_pattern, where, re.IGNORECASE),
        None if row.header is None else row.header.lower(),
        Verdict(row.kind, row.reason),
    )


def _pattern(text: str | None, where: str, flags: re.RegexFlag) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text, flags)
    except re.error as wrong:
        raise ErrorTableWrong(f"{where}: {text!r} is no regular expression: {wrong}") from wrong


def _statuses(text: str, where: str) -> range:
    if text == "any":
        return _EVERY_STATUS
    found = re.fullmatch(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text)
    if found is None:
        raise ErrorTableWrong(f'{where}: status {text!r}; write "400", "4xx", "500-504" or "any"')
    if found[1] is not None:
        first = int(found[1]) * 100
        return range(first, first + 100)
    return range(int(found[2]), int(found[3] or found[2]) + 1)
