"""How some billing systems round a schedule: emulations of theirs, none of them in the standard.

Invariant: a schedule adds up to its amount whatever period takes the rounding difference; by default none does, because
revenue is rounded once, cumulatively.
"""

from __future__ import annotations

from tieout.agents.accounting.policy import Switches

SWITCHES: Switches = {"schedule_rounding": ("cumulative",)}
