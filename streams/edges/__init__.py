"""Where events come in from outside, and effects leave."""
