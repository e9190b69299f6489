"""One collector per subject: questions in, facts out; no judgement."""
