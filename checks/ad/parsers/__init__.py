"""Pure parsers of what a directory and its SYSVOL hold: bytes in, facts out, with one declared error each."""
