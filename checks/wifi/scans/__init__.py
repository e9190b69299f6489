"""Saved outputs of tools that list the networks around without monitor mode."""
