"""What can stop the service from being set up. Rule: the message is one sentence saying what to do."""


class PlatformError(Exception):
    """Something this machine lacks or refuses; the message says how to mend it."""
