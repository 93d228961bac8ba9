"""The demo: a day of events through two workers, one of them killed, judged at the end."""
