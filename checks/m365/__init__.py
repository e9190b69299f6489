"""Microsoft 365: rights, users, configuration and traceability of a tenant, read only."""
