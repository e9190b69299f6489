"""Exports of a tenant given as files: ScubaGear, Graph, cmdlets of Exchange and Teams. No network, no trust."""
