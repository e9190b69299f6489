"""The authentication server of an 802.1X network: what it offers, what it proves, and whether a login works."""
