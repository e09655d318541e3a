"""What ends a run."""


class RunError(Exception):
    """A run that could not be carried out; the message is for the user."""
