"""Ground floor: what an audit knows (facts, controls, verdicts). Imports nothing above itself."""
