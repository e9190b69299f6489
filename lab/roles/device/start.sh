#!/bin/sh
# A device that accepts connections on LAB_PORTS, in the foreground.
set -eu
# shellcheck disable=SC2086 # one word per port
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 /opt/lab/roles/device/serve.py $LAB_PORTS
