"""What it amounts to when an ERP says that it has a command's id already.

Invariant: the same content hash is success, another one is a conflict that is never sent again, and where the ERP keeps no
hash (a customer known by his own number) being there is enough.
"""

from __future__ import annotations

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.agents.posting.error_table import refusal
from tieout.avro.commands import Command


def duplicate(command: Command, there: Found | Refused | None) -> Answer:
    """The answer to a command whose id the ERP says it has, when asked what it has under it."""
    header = command.header
    if isinstance(there, Found) and there.content_hash in {header.content_hash, None}:
        return Accepted(there.document_no, there.posted_on, there.period, duplicate=True)
    if isinstance(there, Found):
        return refusal(
            "permanent",
            "CONTENT_CONFLICT",
            "CONTENT_CONFLICT",
            f"{there.document_no} has the id {header.command_id} and other content",
        )
    said = "nothing is found under it" if there is None else there.text
    return refusal("ambiguous", "NONE", "DUPLICATE", f"the id {header.command_id} is known, but {said}")
