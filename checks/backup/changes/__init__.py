"""Signs of an encryption between two points of one source: mass replacement, suffix, lost formats, entropy."""
