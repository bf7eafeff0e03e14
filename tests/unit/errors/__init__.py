"""Errors: what they mean and what a user does about them."""
