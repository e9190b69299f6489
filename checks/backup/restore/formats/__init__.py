"""One module per group of formats: each really reads a restored file, and says what is wrong without quoting it."""
