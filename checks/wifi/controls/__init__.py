"""Controls of the Wi-Fi domain: pure functions from facts to judgements."""
