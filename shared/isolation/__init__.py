"""One job at a time, with its own process and folder."""
