#!/bin/sh
# Small HTTPS server of the MTA-STS policies, in the foreground.
set -eu
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 /opt/lab/roles/web/serve.py \
    "/srv/lab/pki/$LAB_HOST.pem" "/srv/lab/pki/$LAB_HOST.key" /srv/lab/sts
