"""What follows from a job's cells alone, the same for validation and for a run. Pure."""
