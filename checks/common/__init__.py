"""What several domains share. A domain imports this, `checks.model` and itself, never another domain."""
