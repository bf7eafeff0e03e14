"""Workbooks from the configuration of other tools, each with a report of what could not be carried over."""
