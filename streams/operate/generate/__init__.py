"""The seeded generator: a business year of contract events, with everything that goes wrong on the way.

Invariant: what is generated is a function of (scenario, number of contracts, seed, tenant, start) alone, and the
story of one contract group is a function of (scenario, seed, group number): the truth can be told again for one
group at a time, so that neither the generator nor a judge ever holds all events.
"""

from tieout.streams.operate.generate.generation import Generation, generate
from tieout.streams.operate.generate.scenarios import SCENARIOS
from tieout.streams.operate.generate.truth import Fate, GroupTruth, Planned

__all__ = ["SCENARIOS", "Fate", "Generation", "GroupTruth", "Planned", "generate"]
