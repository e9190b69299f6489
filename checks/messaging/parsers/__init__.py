"""Pure parsers of what mail domains publish. Foreign text in, values or a declared error out."""
