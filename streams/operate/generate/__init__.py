"""The seeded generator of a day, a quarter end, a renewal wave or a usage surge."""
