#!/bin/sh
# The main job, shown from end to end: audit the laboratory, audit it again six months later, compare.
# Without root or without the laboratory's servers: the same on facts that the laboratory recorded, and it says so.
set -eu
bin=$1
ausculte() { "$bin/python" -m agent "$@"; }
step() { printf '\n== %s\n' "$1"; }

rm -rf demo
mkdir demo
sh packaging/debian.sh

obstacle=
if [ "$(id -u)" != 0 ]; then
    obstacle="le laboratoire demande les droits root (sudo make demo)"
elif ! problems=$(ausculte lab doctor); then
    obstacle=$problems
fi

# Audit exit code 3 only says that a domain could not be assessed: the demonstration goes on and shows it.
tolerant() { "$@" || [ $? = 3 ]; }

live() {
    state=$1
    shift
    step "Laboratoire, état « $state » : vrais serveurs (annuaire Samba, DNS Knot, messagerie Postfix)"
    ausculte lab up --name demo --state "$state"
    ausculte lab profile --name demo "demo/$state.toml"
    step "Essai du Wi-Fi depuis la tablette d'un résident"
    tolerant ausculte lab exec --name demo --host tablette -- "$PWD/$bin/python" -m agent collect "demo/$state.toml" \
        --only wifi -o "demo/$state-chambre"
    step "Audit du site"
    tolerant ausculte lab exec --name demo -- "$PWD/$bin/python" -m agent run "demo/$state.toml" \
        --restore-sample -o "demo/$state" "$@"
    ausculte lab down --name demo
}

recorded() {
    state=$1
    shift
    step "Jugement des faits enregistrés, état « $state »"
    mkdir -p "demo/$state"
    cp -R "lab/recorded/$state" "demo/$state/run-enregistre-$state"
    tolerant ausculte evaluate "demo/$state" --note "Démonstration sur des faits enregistrés : ils viennent d'un audit \
réel du laboratoire d'Ausculte (site fictif), aucun serveur n'a été interrogé aujourd'hui." "$@"
}

if [ -z "$obstacle" ]; then
    trap 'ausculte lab down --name demo >/dev/null 2>&1 || true' EXIT INT TERM
    live as_found
    live six_months --against demo/as_found
else
    printf '\n== Le laboratoire ne peut pas démarrer ici :\n%s\n' "$obstacle"
    echo "== La démonstration continue sur des faits que le laboratoire a enregistrés."
    recorded as_found
    recorded six_months --against demo/as_found
fi

step "Six mois plus tard : ce qui a changé"
ausculte compare demo/as_found demo/six_months
ausculte verify demo/as_found
ausculte verify demo/six_months

step "À ouvrir dans un navigateur"
for page in demo/*/run-*/report.html demo/*/run-*/comparison.html; do
    printf '%s/%s\n' "$PWD" "$page"
done
