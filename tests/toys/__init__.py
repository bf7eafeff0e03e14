"""A source type and a destination that the app does not have: one module and one row each, as the guides promise."""
