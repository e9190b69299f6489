#!/bin/sh
# Samba Active Directory domain controller, in the foreground.
set -eu
. /opt/lab/roles/dc/settings.sh
if [ ! -e /var/lib/samba/private/sam.ldb ]; then sh /opt/lab/roles/dc/prepare.sh; fi
write_settings
mkdir -p /run/samba /var/log/samba
exec samba --foreground --no-process-group
