"""The orchestrators: deterministic generators that decide what happens next, without I/O, clock or environment."""
