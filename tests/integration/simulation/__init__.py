"""The simulation's storage and the real one, held to one contract."""
