"""One attempt as a dlt pipeline."""
