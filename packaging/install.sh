#!/bin/sh
# Make the virtual environment with the `ausculte` command. Idempotent; needs no root if python3-venv is there.
set -eu
python=$1
venv=$2

echo "== Environnement Python ($venv)"
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 ou plus récent est nécessaire (commande : $python)." >&2
    exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        sh packaging/debian.sh
    fi
    "$python" -m venv "$venv"
fi
# The stamp changes with the project file and with the place: a moved folder is installed again.
stamp=$(cat pyproject.toml packaging/install.sh | cksum)-$(pwd | cksum)
if [ "$(cat "$venv/.ausculte" 2>/dev/null)" != "$stamp" ]; then
    echo "== Installation d'Ausculte et de ses dépendances"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev,wifi,backup,m365]'
    printf '%s' "$stamp" > "$venv/.ausculte"
fi
"$venv/bin/python" -m agent --version
