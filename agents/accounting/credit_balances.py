"""What credits took off a receivable beyond what was open of it: the customer's to have back, at the rate of the credit.

Invariant: a credit is carried at the rate of the invoice that it reduces until cash goes back for it; what that cash
comes to on its own day differs by an exchange gain (ASC 830-20-35-1), and no balance in functional currency is left over.
"""

from __future__ import annotations

from tieout.avro.events import Day, Minor


class CreditBalances:
    """Credits by their document, in the order in which they came; of each the day of its rate, and what is left of it."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[Day, Minor]] = {}

    def add(self, credit: str, rated_on: Day, amount: Minor) -> None:
        """A credit, or one more line of it, of which ``amount`` had nothing open to reduce."""
        self._left[credit] = (rated_on, self._left.get(credit, (rated_on, 0))[1] + amount)

    def end(self, credit: str) -> None:
        """A credit that is void is nobody's to have back."""
        self._left.pop(credit, None)

    def taken(self, amount: Minor, named: str) -> tuple[tuple[Day, Minor], ...]:
        """Cash that goes back, by the days of the rates of its credits: of the ``named`` one, else of the oldest.

        What no credit explains is left out. For a named one all of it is returned, as that credit is carried.
        """
        if named:
            if named not in self._left:
                return ()
            rated_on, left = self._left[named]
            self._left[named] = (rated_on, max(0, left - amount))
            return ((rated_on, amount),)
        parts: list[tuple[Day, Minor]] = []
        for credit, (rated_on, left) in self._left.items():
            part = min(amount, left)
            if part:
                self._left[credit] = (rated_on, left - part)
                parts.append((rated_on, part))
                amount -= part
        return tuple(parts)
