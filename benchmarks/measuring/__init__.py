"""What every benchmark shares: a broker, workers, a sender on a schedule, a live reader, machine facts, results.

Invariant: nothing here is part of the product, and the product is measured only from outside: through Kafka and
``/proc``. Times are seconds of the machine's monotonic clock, which all processes on it share (Linux).
"""
