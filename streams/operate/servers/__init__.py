"""Servers of others (Kafka, PostgreSQL, Tryton) that a tieout process owns: in a directory of their own, on loopback.

Invariant: one owner a directory, and no server outlives its owner, however that ends.
"""
