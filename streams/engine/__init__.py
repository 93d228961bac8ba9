"""The engine: batches of one partition in, one transaction out. It knows bytes, offsets, rows and an AgentSpec."""
