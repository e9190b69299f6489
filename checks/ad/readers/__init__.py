"""From what a controller sent to facts: one module per part of the directory."""
