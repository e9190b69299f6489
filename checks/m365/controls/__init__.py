"""Controls of the Microsoft 365 domain: pure functions, one question each."""
