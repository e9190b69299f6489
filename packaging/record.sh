#!/bin/sh
# Record the facts that `make demo` falls back on: a real audit of the laboratory, in both states. Needs root.
set -eu
bin=$1
ausculte() { "$bin/python" -m agent "$@"; }
work=$(mktemp -d)
trap 'ausculte lab down --name record >/dev/null 2>&1 || true; rm -rf "$work"' EXIT INT TERM
for state in as_found six_months; do
    ausculte lab up --name record --state "$state"
    ausculte lab profile --name record "$work/$state.toml"
    ausculte lab exec --name record --host tablette -- "$PWD/$bin/python" -m agent collect "$work/$state.toml" \
        --only wifi -o "$work/$state-chambre" --quiet
    ausculte lab exec --name record -- "$PWD/$bin/python" -m agent collect "$work/$state.toml" \
        --restore-sample -o "$work/$state" --quiet
    ausculte lab down --name record
    rm -rf "lab/recorded/$state"
    mkdir -p "lab/recorded/$state/facts"
    cp "$work/$state"/run-*/facts/*.json "lab/recorded/$state/facts/"
    cp "$work/$state"/run-*/journal.jsonl "lab/recorded/$state/"
    # The certificate authority of the laboratory is new each time: a recording does not need it.
    # Files that were read, and the earlier collection, are named without the folders of the machine that recorded.
    sed -e '/^ca_file/d' -e '/^inside_dir/d' -e '/^location/s|"[^"]*/|"|' -e '/^export_files/s|"[^"]*/|"|' "$work/$state.toml" > "lab/recorded/$state/site.toml"
done
