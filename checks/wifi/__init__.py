"""Wi-Fi: what captures, scans and exports say of the networks around, and of who may get into them."""
