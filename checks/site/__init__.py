"""What only several domains together can tell: attack chains, rules compared with what was tried, isolated backups."""
