"""The comparison job: one worker that restores each contract's order, keeps its state and writes two records per event.

Every stream engine can implement it, so that their speed can be compared on the same work; JOB.md beside this file
describes it for whoever brings another engine.
"""
