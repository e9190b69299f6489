"""Backup products in miniature, on loopback: they answer what the documentation says, and remember what was asked."""
