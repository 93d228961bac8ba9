"""When an entity that performs for another one has a claim on it (ASC 810, 850).

Invariant: only the choices whose rules are built can be made.
"""

from __future__ import annotations

from tieout.agents.accounting.policy import Switches

SWITCHES: Switches = {"ic_model": ("at_billing",)}
