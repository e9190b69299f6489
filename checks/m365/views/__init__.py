"""Typed views over the rows of the facts: foreign data, read without ever trusting its shape."""
