"""The errors that the app raises, what the errors of others mean, and what a user can do about each."""
