"""The one exception of the lab."""

from __future__ import annotations


class LabError(RuntimeError):
    """The lab cannot do what is asked; the message is French and tells what to do."""
