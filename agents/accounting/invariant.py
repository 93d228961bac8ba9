"""The error of a rule that always holds and does not.

Invariant: it is never caught to go on with the figures of that decision.
"""


class InvariantBroken(AssertionError):  # noqa: N818 - named after the reason code that it becomes
    """A decision would break a rule that always holds; nothing of it may be used."""
