"""Questions asked of a reviewed firewall."""
