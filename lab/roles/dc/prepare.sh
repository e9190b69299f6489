#!/bin/sh
# Make the directory once: provision the domain, then run the seed plan of /srv/lab/plan.json offline.
set -eu
. /opt/lab/roles/dc/settings.sh
rm -f /etc/samba/smb.conf
mkdir -p /var/lib/samba/private
# No --adminpass: samba-tool draws one, and nobody ever needs it.
samba-tool domain provision --realm="$LAB_REALM" --domain="$LAB_NETBIOS" --server-role=dc \
    --dns-backend=SAMBA_INTERNAL --host-name="$LAB_HOSTNAME" --host-ip="$LAB_ADDRESS" \
    --function-level=2008_R2 --base-schema=2012_R2 \
    --option="interfaces=lo eth0" --option="bind interfaces only=yes" >/tmp/provision.log 2>&1 \
    || { cat /tmp/provision.log >&2; exit 1; }
write_settings
cd /opt/lab/seed
exec env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W ignore ad.py /srv/lab/plan.json
