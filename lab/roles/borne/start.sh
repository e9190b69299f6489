#!/bin/sh
# Wi-Fi access point of the corridor: leaves its configuration for the auditor, and shows its administration page.
set -eu
cp "/opt/lab/roles/borne/$LAB_CONFIG.conf" "$LAB_EXPORTS/hostapd.conf.part"
mv "$LAB_EXPORTS/hostapd.conf.part" "$LAB_EXPORTS/hostapd.conf"
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 /opt/lab/roles/device/serve.py 80
