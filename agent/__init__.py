"""Roof: command line, site profile, mandate guard, journal, worker processes, engine."""

__version__ = "0.1.0"
