"""Backup and restore readiness: what is backed up, how well it is protected, and whether it can be restored."""
