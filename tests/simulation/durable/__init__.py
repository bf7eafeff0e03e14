"""Durable Functions in memory: instances, history, replay, queues, and the client that the app's functions get.

What it does when something breaks is what was seen of the real extension: activities run at least once, a message of
a dead host comes back after five minutes, the activities of a dead worker fail, a terminated orchestration leaves its
lanes and activities running, a restarted one has a new id and the old input.
"""
