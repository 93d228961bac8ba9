"""A refusal with a code that programs act upon; trytond's own errors have only a translated sentence.

The codes: PERIOD_NOT_OPEN, NO_PERIOD, UNKNOWN_REFERENCE, NO_RATE, UNBALANCED, KEY_CONFLICT, DOCUMENT_STATE,
NOT_SUPPORTED; and for what trytond itself refuses REFUSED, for a question that a person would have to answer WARNING.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from trytond.exceptions import TrytonException, UserError, UserWarning  # noqa: A004 - trytond's own name
from trytond.i18n import gettext
from trytond.transaction import Transaction


class Refusal(UserError):  # noqa: N818 - an answer, told to the caller
    """Definitely not posted. ``code`` is also the description that a client sees."""

    def __init__(self, code: str, message_id: str = "", /, text: str = "", **values: object) -> None:
        message = text or gettext("tieout." + message_id, **values)
        super().__init__(message, code)
        self.refused_as = code


def told(error: TrytonException) -> dict[str, str]:
    """The answer for one command that was refused."""
    if isinstance(error, Refusal):
        code = error.refused_as
    else:
        code = "WARNING" if isinstance(error, UserWarning) else "REFUSED"
    return {"refused": code, "text": str(getattr(error, "message", error))[:500]}


@contextmanager
def savepoint() -> Iterator[None]:
    """What is done within is undone when it is refused, and the transaction goes on.

    Records that this transaction has read or made are forgotten then, as are its log entries and queued tasks of the part
    that was undone. Any other error leaves as it is: it ends the transaction.
    """
    transaction = Transaction()
    cursor = transaction.connection.cursor()
    logged, queued = len(transaction.log_records), len(transaction.tasks)
    cursor.execute("SAVEPOINT tieout")
    try:
        yield
    except TrytonException:
        cursor.execute("ROLLBACK TO SAVEPOINT tieout")
        for cache in transaction.cache.values():
            cache.clear()
        del transaction.log_records[logged:]
        del transaction.tasks[queued:]
        raise
    cursor.execute("RELEASE SAVEPOINT tieout")
