"""Notifications: one message when something breaks, one when it works again, nothing in between."""
