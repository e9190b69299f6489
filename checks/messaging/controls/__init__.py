"""Controls of the messaging domain: one question each, one judgement per mail domain."""
