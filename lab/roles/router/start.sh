#!/bin/sh
# Router of the site: forwards between its segments, filters as RULES.nft says, and exports what the kernel holds.
set -eu
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f "/opt/lab/roles/router/$LAB_RULES.nft"
nft list ruleset > "$LAB_EXPORTS/routeur.nft.part"
mv "$LAB_EXPORTS/routeur.nft.part" "$LAB_EXPORTS/routeur.nft"
exec sleep infinity
