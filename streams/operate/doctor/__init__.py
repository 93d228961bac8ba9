"""``tieout doctor``: looks at everything, changes nothing, and says in plain words what is wrong and what to do next.

``looking`` asks Kafka and this machine, ``evidence`` is what they answered, ``judging`` turns it into findings.
Invariant: a finding that is not fine names a next step.
"""
