"""What follows from a job's cells alone."""
