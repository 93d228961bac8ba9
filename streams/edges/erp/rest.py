"""Any ERP with a REST interface behind the port, by a profile: what to call is data, what a call means is the error table.

Invariants: a command is sent at most once per ``post``. What is read before it (the document that a void takes back, or the
id itself where the ERP would make a second document) fails as ``transient``: nothing was sent. A known id is success only
after the content hash was compared.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
from yarl import URL

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.agents.posting.erp_documents import (
    FIRST_BOOK,
    REVERSALS,
    ErpDocument,
    document_of,
    is_functional_alone,
    mirrored,
)
from tieout.agents.posting.error_table import refusal
from tieout.avro.commands import Command
from tieout.streams.edges.erp.calling import Answered
from tieout.streams.edges.erp.duplicates import duplicate
from tieout.streams.edges.erp.exchanges import (
    Names,
    body_of,
    check_names,
    day_of,
    encode,
    entries_of,
    location_id,
    names_of,
)
from tieout.streams.edges.erp.port import Capabilities
from tieout.streams.edges.erp.profile_files import (
    Jobs,
    Kind,
    Lookup,
    Original,
    Profile,
    ProfileRefused,
)
from tieout.streams.edges.erp.rest_server import NOTHING_THERE, RestServer, requests_of
from tieout.streams.edges.erp.template import render, render_path, render_pattern, value_of

_ACCEPTED = 202


class RestErp:
    """Adapter to the ERP at ``url`` whose interface ``profile`` describes.

    ``configuration``: values of the names that the profile asks of the installation. ``secret``: what its ``auth`` needs.
    ``entity_currency``: the company's own, where the profile posts in no other; ``entity``: whose company it is, where it is one;
    ``book``: the book that its ledger is. Raises ProfileRefused for a missing name of the configuration, and for a name in the
    profile that nothing has.
    """

    def __init__(
        self,
        url: str,
        profile: Profile,
        *,
        secret: str,
        configuration: dict[str, str] | None = None,
        entity_currency: str = "",
        entity: str = "",
        book: str = FIRST_BOOK,
        call_seconds_max: float = 60.0,
        server_seconds_max: float = 900.0,
    ) -> None:
        check_names(profile)
        given = dict(configuration or {})
        missing = sorted(profile.configuration.keys() - given.keys())
        if missing:
            wanted = ", ".join(f"{name} ({profile.configuration[name]})" for name in missing)
            raise ProfileRefused(
                f"the ERP profile {profile.name} needs {wanted}; give them in the configuration"
            )
        if profile.one_entity and not entity:
            raise ProfileRefused(
                f"the ERP profile {profile.name} needs entity: the legal entity whose company the account is, as commands name it"
            )
        self._profile = profile
        self._configuration = given
        self._currency = entity_currency
        self._entity = entity
        self._book = book
        self._server = RestServer(
            url, profile, secret=secret, configuration=given, call_seconds_max=call_seconds_max
        )
        self._capabilities = Capabilities(
            name=profile.name,
            kinds=frozenset(profile.kinds),
            enforces_unique_id=profile.enforces_unique_id,
            batch_items_max=1,
            call_seconds_max=call_seconds_max,
            server_seconds_max=server_seconds_max,
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def batch_key(self, command: Command) -> str | None:
        del command
        return None

    async def post(self, commands: Sequence[Command]) -> Sequence[Answer]:
        return [await self._within(self._post(command)) for command in commands]

    async def find(self, commands: Sequence[Command]) -> Sequence[Found | Refused | None]:
        return [await self._found(command) for command in commands]

    async def close(self) -> None:
        await self._server.close()

    async def _within(self, posting: Awaitable[Answer]) -> Answer:
        """A posting may take several calls; all of them together have the one deadline."""
        try:
            async with asyncio.timeout(self._capabilities.call_seconds_max):
                return await posting
        except TimeoutError:
            return refusal("ambiguous", "NONE", "TIMEOUT", "the calls of one posting took too long")

    async def _post(self, command: Command) -> Answer:
        document = document_of(command)
        kind = self._profile.kinds.get(document.kind)
        lacks = f"kind {document.kind}" if kind is None else self._lacks(document)
        if kind is None or lacks:
            return refusal("permanent", "NOT_SUPPORTED", "NOT_SUPPORTED", f"{self._profile.name}: no {lacks}")
        if kind.look_up_first:
            there = await self._found(command)
            if there is not None:
                return there if isinstance(there, Refused) else duplicate(command, there)
        names = names_of(document, self._profile, self._configuration)
        if kind.original is not None:
            read = await self._with_original(document, kind.original, names)
            if isinstance(read, Refused):
                return read
            names = read
        requests = requests_of(kind.send, names)
        if len(requests) > self._profile.requests_max:
            return refusal(
                "permanent", "NOT_SUPPORTED", "TOO_LONG", f"{len(requests)} requests for one document"
            )
        answered = await self._server.send(requests)
        return await self._answer(command, kind, names, answered)

    def _lacks(self, document: ErpDocument) -> str:
        """What of the document it has no place for; nothing where it can be posted."""
        profile = self._profile
        if profile.currencies == "entity" and document.currency != self._currency:
            return f"{document.kind} in {document.currency}"
        if profile.one_entity and document.entity != self._entity:
            return f"company of {document.entity!r}: the account is that of {self._entity!r}"
        if document.book != self._book:
            return f"book {document.book!r}: the account's ledger is {self._book!r}, where it would be counted twice"
        if any(is_functional_alone(entry) for entry in document.entries):
            return "line that moves the functional currency alone"
        return ""

    async def _answer(
        self, command: Command, kind: Kind, names: Names, answered: Answered | Refused
    ) -> Answer:
        if isinstance(answered, Refused):
            return answered
        if answered.status == _ACCEPTED and self._profile.jobs is not None:
            return await self._after_job(command, answered, self._profile.jobs)
        said = self._server.error_in(answered)
        if said is None:
            told = {**names, "answer": body_of(answered), "location_id": location_id(answered)}
            number = render(kind.number, told)
            if not number:
                text = (
                    f"HTTP {answered.status} without a number: {answered.body[:200].decode(errors='replace')}"
                )
                return refusal("ambiguous", "NONE", "NO_NUMBER", text)
            return Accepted(str(number), command.header.posting_date, command.header.posting_period)
        if self._server.verdict(said).kind == "duplicate":
            return duplicate(command, await self._found(command))
        return self._server.refused(said)

    async def _after_job(self, command: Command, answered: Answered, jobs: Jobs) -> Answer:
        """Ask for the job until it ends, then for what it made; ends with the call's deadline."""
        while True:
            where = URL(answered.headers.get("location", "")).raw_path_qs
            job = await self._server.call("GET", where, base="")
            if isinstance(job, Refused):
                return refusal("ambiguous", "NONE", job.code, job.text)
            if value_of(jobs.completed, {"answer": body_of(job)}):
                break
            await asyncio.sleep(jobs.every_ms / 1000)
        found = await self._found(command)
        said = self._server.error_in(job)
        if found is None and said is not None:
            return self._server.refused(said)
        answer = duplicate(command, found)
        return msgspec.structs.replace(answer, duplicate=False) if isinstance(answer, Accepted) else answer

    async def _with_original(
        self, document: ErpDocument, original: Original, names: Names
    ) -> Names | Refused:
        """The names with ``original``, and with the entries that take it back; refused where it cannot be acted upon."""
        listed = await self._standing(document, original, names)
        if isinstance(listed, Refused):
            return listed
        whole: Any = {"items": listed, "newest": _newest(listed)}
        if original.whole is not None:
            read = await self._server.read(render_path(original.whole, {**names, "answer": whole}))
            if isinstance(read, Refused):
                return read
            whole = body_of(read)
        if (
            original.closed is not None
            and value_of(original.closed, {"answer": whole}) in original.closed_values
        ):
            said = f"what {document.reference!r} names is closed or cancelled"
            return refusal("permanent", "DOCUMENT_STATE", "CLOSED", said)
        return self._taking_back(document, original, {**names, "original": whole})

    async def _standing(self, document: ErpDocument, original: Original, names: Names) -> list[Any] | Refused:
        """What the command names, oldest first; refused where it is not there, or was taken back already."""
        listed = await self._server.listed(original.path, original.items, names)
        if isinstance(listed, Refused):
            return listed
        if not listed:
            said = f"there is no document {document.reference!r} to act upon"
            return refusal("permanent", "DOCUMENT_STATE", "NOT_FOUND", said)
        if original.taken_back is None:
            return listed
        back = await self._server.listed(original.taken_back, original.items, names)
        if isinstance(back, Refused) or not back:
            return back or listed
        said = f"the document {document.reference!r} was taken back already"
        return refusal("permanent", "DOCUMENT_STATE", "TAKEN_BACK", said)

    def _taking_back(self, document: ErpDocument, original: Original, names: Names) -> Names | Refused:
        if document.kind not in REVERSALS:
            return names
        whole, currency = names["original"], document.currency
        try:
            entries = mirrored(entries_of(whole, original, currency))
        except ValueError as wrong:
            return refusal("transient", "NONE", "UNREADABLE", f"the document to take back: {wrong}")
        customer = None
        if original.customer_pattern is not None:
            found = re.search(original.customer_pattern, encode(whole).decode())
            customer = found[1] if found is not None else None
        receivable = self._configuration.get("receivable") if customer is not None else None
        back = msgspec.structs.replace(document, entries=entries, customer=customer, receivable=receivable)
        return {**names_of(back, self._profile, self._configuration), "original": whole}

    async def _found(self, command: Command) -> Found | Refused | None:
        document = document_of(command)
        kind = self._profile.kinds.get(document.kind)
        if kind is None:
            return None
        names = names_of(document, self._profile, self._configuration)
        read = await self._server.read(render_path(kind.find.path, names))
        if isinstance(read, Refused):
            # Where a list was asked for, 404 says that the address is wrong, not that the list is empty.
            return None if read.code == NOTHING_THERE and kind.find.items is None else read
        return await self._as_found(document, kind.find, names, read)

    async def _as_found(
        self, document: ErpDocument, find: Lookup, names: Names, read: Answered
    ) -> Found | Refused | None:
        names = {**names, "answer": body_of(read)}
        if find.items is not None and not value_of(find.items, names):
            return None
        if find.whole is not None:
            whole = await self._server.read(render_path(find.whole, names))
            if isinstance(whole, Refused):
                return whole
            names, read = {**names, "answer": body_of(whole)}, whole
        content_hash = None
        if find.hash_pattern is not None:
            matched = _matched(render_pattern(find.hash_pattern, names), find, names, read)
            if matched is None:
                return None
            content_hash, names["item"] = matched
        back: list[Any] | Refused = []
        if find.taken_back is not None and names["reversal_kind"] is not None:
            back = await self._server.listed(find.taken_back, find.taken_back_items, names)
        if isinstance(back, Refused):
            return back
        number, period = (str(render(each, names) or "") for each in (find.number, find.period))
        try:
            posted_on = day_of(render(find.posted_on, names))
        except ValueError as wrong:
            return refusal("transient", "NONE", "UNREADABLE", f"the date of {number}: {wrong}")
        found = Found(document.external_id, content_hash, number, posted_on, period, "posted")
        return msgspec.structs.replace(found, state="reversed") if back else found


def _matched(pattern: str, find: Lookup, names: Names, read: Answered) -> tuple[str, Any] | None:
    """The content hash, and the listed item that it stands in; None where the pattern is nowhere."""
    listed = value_of(find.items, names) if find.items is not None and find.whole is None else None
    for item in listed if isinstance(listed, list) else ():
        found = re.search(pattern, encode(item).decode())
        if found is not None:
            return found[1], item
    found = None if isinstance(listed, list) else re.search(pattern, read.body.decode(errors="replace"))
    return None if found is None else (found[1], None)


def _newest(listed: list[Any]) -> Any:
    """The last one made: by its id where all ids are numbers, for a vendor need not list in order."""
    ids = [str(each.get("id", "")) if isinstance(each, dict) else "" for each in listed]
    if all(each.isdecimal() for each in ids):
        return max(listed, key=lambda each: int(each["id"]))
    return listed[-1]
