#!/bin/sh
# Debian packages for the laboratory and the browser tests. Starts no daemon. Says what needs root.
set -eu
list=$(sed -e 's/#.*//' lab/packages.txt packaging/packages.txt | tr -s '\n ' ' ')
missing=
for package in $list; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
install_missing() {
    # Names differ between releases of Debian and Ubuntu: one unknown name must not keep the others away.
    known=
    for package in $missing; do
        if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then
            known="$known $package"
        else
            echo "== Paquet inconnu de cette distribution : $package" >&2
        fi
    done
    [ -n "$known" ] || return 0
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold $known >/dev/null || return 1
    # The laboratory runs its own servers in its own namespaces: those of the packages must not start at boot either.
    if command -v systemctl >/dev/null; then
        # shellcheck disable=SC2086
        units=$(dpkg -L $known | sed -n 's|.*/systemd/system/\([^/@]*\.service\)$|\1|p' | sort -u)
        # shellcheck disable=SC2086
        [ -z "$units" ] || systemctl disable --quiet $units 2>/dev/null || true
    fi
}
if ! command -v apt-get >/dev/null; then
    echo "== Paquets Debian absents, et apt-get n'existe pas ici :$missing" >&2
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "== Paquets absents (il faut être root pour les installer) :"
    echo "   sudo apt-get install --no-install-recommends$missing"
    exit 0
fi
echo "== Paquets Debian :$missing"
export DEBIAN_FRONTEND=noninteractive
# Packages must not start their services: the policy file is put only where there is none, and taken back.
policy=/usr/sbin/policy-rc.d
mine=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    mine=yes
fi
trap '[ -z "$mine" ] || rm -f "$policy"' EXIT
if ! { apt-get update -qq && install_missing; }; then
    # What these packages serve skips or falls back, and says so: a broken mirror must not hide the rest.
    echo "== Tous les paquets n'ont pas pu être installés ; ce qui en dépend le dira." >&2
fi
