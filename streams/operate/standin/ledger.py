"""The stand-in at work: posts documents under its script's faults, and counts what it did.

Invariant: a document is in the journal on disk before it is in the books, and in the books before anybody is told; faults
happen before or after that, never in between.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tieout.agents.posting.erp_documents import ErpDocument, mirrored
from tieout.streams.operate.standin.books import (
    AttributesSet,
    Books,
    EditedByHand,
    PeriodSet,
    Posted,
    Refusal,
)
from tieout.streams.operate.standin.journal_file import JournalFile
from tieout.streams.operate.standin.script import Script

_NONE: Mapping[str, str] = {}


class Cut(Exception):  # noqa: N818 - an order to the server, no error of ours
    """Break the connection without an answer."""


class Unavailable(Exception):  # noqa: N818 - as above
    """Answer HTTP 503: nothing was done."""


class Known(NamedTuple):
    """The id is taken. ``same``: by the same content."""

    posted: Posted
    same: bool


Result = Posted | Known | Refusal
"""What became of one document."""


class Counters(msgspec.Struct):
    """Since the start, or the last reset."""

    calls: int = 0
    in_flight: int = 0
    in_flight_max: int = 0
    throttled: int = 0
    unauthorised: int = 0
    posted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    found: int = 0
    lost: int = 0
    reset: int = 0
    hung: int = 0
    unavailable: int = 0


class Ledger:
    """Books, journal file, script and counters of one stand-in. Used by one event loop."""

    def __init__(self, folder: Path, script: Script) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.script = script
        self.counters = Counters()
        self.books = Books()
        self.mended: set[str] = set()
        self.everything_mended = False
        self.file = JournalFile(folder / "journal.log", group_fsync=script.fsync == "group")
        for record in self.file.replay():
            self.books.apply(record)
        self._attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._waits = random.Random(script.seed)  # noqa: S311 - chance of a test, no secret

    async def take_time(self, items: int) -> None:
        """Be as slow as the script says."""
        script = self.script
        wait = script.latency_ms + items * script.latency_per_item_ms
        if script.latency_spread_ms:
            spread = script.latency_spread_ms
            wait += (
                self._waits.uniform(-spread, spread)
                if script.latency_shape == "uniform"
                else self._waits.expovariate(1 / spread)
            )
        if wait > 0:
            await asyncio.sleep(wait / 1000)

    async def post(
        self, documents: Sequence[ErpDocument], attributes: Mapping[str, str] = _NONE
    ) -> list[Result]:
        """One result each, in order, as one call. Raises Cut and Unavailable, as the script has it.

        ``attributes``: what a dialect keeps beside each of them.
        """
        first = documents[0].external_id if documents else ""
        self._fault_before(first)
        results = [self._post(document, attributes) for document in documents]
        await self.file.synced()
        await self._fault_after(first)
        return results

    def find(self, external_id: str) -> Posted | None:
        """The document of an id."""
        self.counters.found += 1
        return self.books.documents.get(external_id)

    def set_period(self, entity: str, month: str, *, closed: bool) -> None:
        """Close a month of a company, or open it again."""
        record = PeriodSet(entity, month, closed)
        self.file.append([record])
        self.books.apply(record)

    def reverse_by_hand(self, external_id: str) -> Posted | None:
        """What a person does in the ERP's own screen: take a document back, whatever its period."""
        original = self.books.documents.get(external_id)
        if original is None or external_id in self.books.taken_back:
            return None
        document = msgspec.structs.replace(
            original.document,
            kind="journal.reverse",
            external_id=f"by-hand-{external_id}",
            content_hash="",
            reference=external_id,
            entries=mirrored(original.document.entries),
        )
        serial = len(self.books.in_order) + 1
        return self._commit(Posted(serial, f"MAN{serial:08d}", document, external_id))

    def edit_by_hand(self, external_id: str, posting_date: int) -> bool:
        """What a person does in the ERP's own screen: date a document otherwise. Whether there is one."""
        if external_id not in self.books.documents:
            return False
        record = EditedByHand(external_id, posting_date)
        self.file.append([record])
        self.books.apply(record)
        return True

    async def amend(self, posted: Posted, attributes: Mapping[str, str]) -> None:
        """Set attributes of a document that is there. Raises Cut and Unavailable."""
        found = posted.document.external_id
        self._fault_before(found)
        record = AttributesSet(found, {**posted.attributes, **attributes})
        self.file.append([record])
        self.books.apply(record)
        await self.file.synced()
        await self._fault_after(found)

    def _post(self, document: ErpDocument, attributes: Mapping[str, str]) -> Result:
        known = self.books.documents.get(document.external_id)
        if known is not None:
            same = known.document.content_hash == document.content_hash
            self.counters.duplicates += same
            self.counters.conflicts += not same
            return Known(known, same)
        judged = self._business_error(document) or self.books.judge(document, self.script)
        if isinstance(judged, Refusal):
            self.counters.refused += 1
            return judged
        self.counters.posted += 1
        return self._commit(
            msgspec.structs.replace(judged, attributes=dict(attributes)) if attributes else judged
        )

    def _commit(self, posted: Posted) -> Posted:
        self.file.append([posted])
        self.books.apply(posted)
        return posted

    def _business_error(self, document: ErpDocument) -> Refusal | None:
        script, found = self.script, document.external_id
        if not script.business_error_rate or self.everything_mended or found in self.mended:
            return None
        if script.chance("business", found, 0) >= script.business_error_rate:
            return None
        attempt = self._attempt("business", found)
        if script.business_error_attempts and attempt > script.business_error_attempts:
            return None
        return Refusal("DIMENSION_MISSING", f"a dimension of {found} is not set up")

    def _fault_before(self, document: str) -> None:
        if self._happens("reset", self.script.reset_rate, document):
            self.counters.reset += 1
            raise Cut
        if self._happens("unavailable", self.script.unavailable_rate, document):
            self.counters.unavailable += 1
            raise Unavailable

    async def _fault_after(self, document: str) -> None:
        if self._happens("lost", self.script.lost_rate, document):
            self.counters.lost += 1
            raise Cut
        if self._happens("hang", self.script.hang_rate, document):
            self.counters.hung += 1
            await asyncio.sleep(self.script.hang_ms / 1000)

    def _happens(
        self, what: Literal["reset", "unavailable", "lost", "hang"], rate: float, document: str
    ) -> bool:
        if not rate:
            return False
        return self.script.chance(what, document, self._attempt(what, document)) < rate

    def _attempt(self, what: str, document: str) -> int:
        self._attempts[what, document] += 1
        return self._attempts[what, document]
