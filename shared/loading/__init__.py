"""One attempt of one job as a dlt pipeline, and one maintenance of its tables; only in a child process."""
