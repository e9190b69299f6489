"""What can be heard from where the audit runs: the networks this machine sees, the frames its adapter receives."""
