#!/bin/sh
# Knot DNS, authoritative for the root, `test.` and every described zone, in the foreground.
#
# Reads /srv/lab/zones: NAME.primary[.signed] is served (and signed), NAME.broken answers SERVFAIL, NAME.silent
# never answers, root.top and test.top are the upper zones, to which the DS of the signed zones are added.
set -eu
base=/var/lib/knot
conf=/etc/knot/lab.conf
mkdir -p "$base/zones" "$base/keys" /run/knot /etc/knot

cat > "$conf" <<CONF
server:
    rundir: /run/knot
    listen: $LAB_ADDRESS@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: $base/keys
remote:
  - id: nowhere
    # TEST-NET-1: no such server, the secondary copy never arrives.
    address: 192.0.2.1
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: on
template:
  - id: default
    storage: $base/zones
    file: "%s.zone"
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
zone:
CONF

serve() { # serve ZONE FILE SIGNED
    cp "$2" "$base/zones/$1.zone"
    printf '  - domain: "%s"\n    file: "%s.zone"\n' "$3" "$1" >> "$conf"
    [ "$4" = yes ] && printf '    dnssec-signing: on\n    dnssec-policy: lab\n' >> "$conf" || true
}

for file in /srv/lab/zones/*; do
    name=$(basename "$file")
    case $name in
        root.top) serve root "$file" "." yes ;;
        test.top) serve test "$file" "test." yes ;;
        *.primary.signed) zone=${name%.primary.signed}; serve "$zone" "$file" "$zone." yes ;;
        *.primary) zone=${name%.primary}; serve "$zone" "$file" "$zone." no ;;
        *.broken) printf '  - domain: "%s."\n    master: nowhere\n' "${name%.broken}" >> "$conf" ;;
        *.silent) silent="${silent:-} ${name%.silent}" ;;
    esac
done

# A signed zone is only worth what its parent says: make the keys now, and hand their DS upwards.
for file in /srv/lab/zones/*.primary.signed; do
    zone=$(basename "${file%.primary.signed}")
    keymgr -c "$conf" "$zone." generate algorithm=ecdsap256sha256 ksk=yes zsk=yes >/dev/null
    keymgr -c "$conf" "$zone." ds | grep ' 13 2 ' >> "$base/zones/test.zone"
done
keymgr -c "$conf" test. generate algorithm=ecdsap256sha256 ksk=yes zsk=yes >/dev/null
keymgr -c "$conf" test. ds | grep ' 13 2 ' >> "$base/zones/root.zone"

# A name server that never answers: drop every question whose packet holds the name, in any case and at whatever
# place. UDP: 8 octets of header, 12 of DNS header, then labels. TCP: 20 to 60, 2 of length, 12 of DNS header.
hex_of() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }
if [ -n "${silent:-}" ]; then
    {
        printf 'table inet lab {\n chain input {\n type filter hook input priority 0\n'
        for zone in $silent; do
            wire='' mask=''
            for label in $(printf %s "$zone" | tr '.[:lower:]' ' [:upper:]'); do
                # Letters are compared without their case bit, lengths exactly.
                wire=$wire$(printf '%02x' "${#label}")$(hex_of "$label")
                mask=${mask}ff$(hex_of "$label" | sed 's/../df/g')
            done
            wire=${wire}00 mask=${mask}ff
            bits=$(( ${#wire} * 4 ))
            for octet in $(seq 20 90); do
                echo "udp dport 53 @th,$((octet * 8)),$bits & 0x$mask == 0x$wire drop"
            done
            for octet in $(seq 34 140); do
                echo "tcp dport 53 @th,$((octet * 8)),$bits & 0x$mask == 0x$wire drop"
            done
        done
        printf ' }\n}\n'
    } | nft -f -
fi
exec knotd -c "$conf"
