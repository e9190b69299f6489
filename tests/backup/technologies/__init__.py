"""Tests of the backup domain."""
