"""Who decides: pure agents over frozen data; no I/O, clock, randomness or Kafka in here."""

if __name__ == "agents":
    raise ImportError("import tieout.agents, not agents: the folders install under the tieout namespace")
