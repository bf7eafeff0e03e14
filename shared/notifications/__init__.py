"""Notifications: one message when something breaks, one when it is well again, nothing in between."""
