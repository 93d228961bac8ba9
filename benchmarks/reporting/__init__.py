"""docs/benchmarks.md from the result files: one section per question, targets beside what was reached.

Invariant: every figure comes from a result file; a question that was not measured says so instead of showing an old one.
"""
