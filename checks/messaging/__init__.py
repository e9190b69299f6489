"""Messaging: who may send mail in the name of the establishment, and how its incoming mail travels."""
