"""Imports of Microsoft 365."""
