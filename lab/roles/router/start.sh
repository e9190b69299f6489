#!/bin/sh
# Router of the site: forwards between its segments, filters nothing.
set -eu
echo 1 > /proc/sys/net/ipv4/ip_forward
exec sleep infinity
