"""Rule-set algebra: interval sets, the union engine, anomalies, queries, rewriting. Pure computation."""
