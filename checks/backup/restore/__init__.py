"""Restores a sample from a backup into a private folder, opens it, compares it, times it, and wipes it."""
