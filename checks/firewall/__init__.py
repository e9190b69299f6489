"""Firewall rule review: exported configurations in, exact findings out."""
