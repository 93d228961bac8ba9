"""Which exchange rates translate a contract into the currency of its entity (ASC 830-10-45, IFRIC 22).

Invariant: only the choices whose rules are built can be made.
"""

from __future__ import annotations

from tieout.agents.accounting.policy import Switches

SWITCHES: Switches = {
    "fx_policy": ("historical_cl",),
    "fx_level": ("arrangement",),
    "cl_lots": ("fifo",),
    "ca_rate": ("period_average",),
}
