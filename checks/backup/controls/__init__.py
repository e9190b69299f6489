"""Controls of the backup domain: pure functions, one question each."""
