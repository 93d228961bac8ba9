"""The control agent: requests become markers in every inbox partition until all have acknowledged."""
