"""Loading, measured side by side with other ways to do it: `python -m benchmarks --help`."""
