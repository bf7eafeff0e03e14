"""Which jobs run, when, and in which lanes."""
