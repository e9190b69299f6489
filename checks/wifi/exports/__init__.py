"""Configurations exported from access points, controllers and stations."""
