"""Reading Microsoft's interfaces: sign-in, one guarded transport, bounded retries, Graph, Exchange and Teams."""
