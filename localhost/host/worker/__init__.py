"""The Python worker: its own process that holds the app's code, beside the host that holds its triggers.

As in Azure the two die apart. What runs in a worker that exits has failed, and the host starts another one; a worker
whose host is gone ends at once.
"""
