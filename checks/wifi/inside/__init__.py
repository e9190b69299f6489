"""The test from inside a Wi-Fi network: what a device that joined it can reach. TCP connections and DNS only."""
