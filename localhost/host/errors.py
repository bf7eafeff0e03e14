"""Errors that prevent the start of a host."""


class HostError(Exception):
    """The host cannot start; the message says what is wrong and what to do."""


class SettingsError(HostError):
    """A settings file, or a setting that a binding refers to, cannot be used."""


class IndexingError(HostError):
    """The app cannot be run by this host; the message says which function and why."""


class StateInUseError(HostError):
    """Another host works with the same state folder."""
