"""One folder per service: `start.sh` runs it in the foreground from its environment alone."""
