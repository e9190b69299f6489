"""Exit codes (design §8)."""

OK = 0
USAGE_ERROR = 2
NOT_ASSESSED = 3
SEVERITY_REACHED = 4
MANDATE_REFUSED = 5
INTERNAL_ERROR = 70
INTERRUPTED = 130
"""Shell convention for Ctrl-C; not one of the results of an audit."""
