#!/bin/sh
# Backup server: makes the copies of the last weeks, then listens as the backup service would.
# LAB_DAYS are the ages of the copies, in days, oldest first; LAB_DAMAGE spoils a few bytes of them.
set -eu
depot=$LAB_DEPOT/fichiers
data=$(mktemp -d)
export RESTIC_PASSWORD="$LAB_KEY" RESTIC_CACHE_DIR="$data/cache" PYTHONDONTWRITEBYTECODE=1
rm -rf "$depot"
restic -q -r "$depot" init
mkdir -p "$data/srv-fichiers"
generation=0
for age in $LAB_DAYS; do
    generation=$((generation + 1))
    /usr/bin/python3 /opt/lab/roles/sauvegarde/documents.py "$data/srv-fichiers" "$generation"
    moment=$(date -d "-$age days -2 hours" '+%Y-%m-%d %H:%M:%S')
    (cd "$data" && restic -q -r "$depot" backup --host srv-fichiers --time "$moment" srv-fichiers)
done
if [ "$LAB_DAMAGE" = yes ]; then
    # The largest pack holds content: bytes here and there belong to files, and no listing reads them.
    pack=$(find "$depot/data" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    chmod u+w "$pack"
    size=$(stat -c %s "$pack")
    for part in 1 2 3 4 5 6 7 8 9 10; do
        printf '\125\252' | dd of="$pack" bs=1 seek=$((size * part * 8 / 100)) conv=notrunc status=none
    done
fi
rm -rf "$data"
exec /usr/bin/python3 /opt/lab/roles/device/serve.py 8000
