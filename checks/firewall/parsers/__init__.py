"""Pure parsers of firewall exports: one module per vendor, each gives `Device` facts."""
