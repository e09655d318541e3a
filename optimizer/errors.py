"""The two ways in which a problem is refused. Solver trouble is not here: it is a status of the plan."""

from __future__ import annotations


class ProblemError(ValueError):
    """The problem as stated makes no sense; the message is one sentence that names the field and the fix."""


class InfeasibleError(ProblemError):
    """The problem is well stated but nothing satisfies it; the message gives the limit that would."""
