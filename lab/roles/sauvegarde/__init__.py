"""The web server of the MTA-STS policies."""
