#!/bin/sh
# The whole test suite. Laboratory and browser tests skip with a reason where root or the servers are missing.
set -eu
bin=$1
shift
echo "== Style et types"
sh packaging/lint.sh "$bin"
echo "== Tests"
# The laboratory is one shared resource: its tests stay together in one worker, the others spread over the cores.
exec "$bin/python" -m pytest -n auto --dist loadgroup "$@"
