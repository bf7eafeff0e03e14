"""Blob and table storage in memory, under the shapes of their SDKs.

The rules are the service's, and tests/integration/simulation holds both to the same contract: the clients here and
the real ones over Azurite.
"""
