"""The contract agent's judgement: facts in, targets minus ledger out."""
