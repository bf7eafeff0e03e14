"""One job at a time, in a process and a folder of its own."""
