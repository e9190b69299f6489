"""Controls over the facts and verdicts of several domains: pure functions, one question each."""
