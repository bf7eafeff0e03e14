"""What the routes do, one module a noun: runs, jobs, loads, watermarks, configuration, health."""
