"""`ausculte check` and `run` on a domain that only reads files: options, questions, proposal, no network target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agent.runfolder import read_run
from checks.model import FactsFile

CATALOGUE = """
[domain]
id = "ledger"
title = "Registre"
prefix = "LEDG"
facts = "rooms:Ledger"
facts_version = 1
config = "rooms:LedgerConfig"
collect = "rooms:collect"
read_input = "rooms:read_input"
options = ["vendor", "role"]
query = "rooms:answer"
proposal = "rooms:propose"
summary = "rooms:summary"

[[control]]
id = "LEDG-A-001"
version = 1
title = "Aucune ligne n'est vide"
why = "Parce que."
severity = "medium"
check = "lines.empty"

[[control]]
id = "LEDG-A-002"
version = 1
title = "Aucune ligne ne crie"
why = "Parce que."
severity = "critical"
check = "lines.loud"

[[control]]
id = "LEDG-A-003"
version = 1
title = "Le registre existe"
why = "Parce que."
severity = "low"
check = "lines.exists"
"""
ROOMS = """
from __future__ import annotations
from collections.abc import Mapping
from pathlib import Path
from checks.model import CollectError, Reason, Record

class LedgerConfig(Record, frozen=True):
    page_files: tuple[str, ...] = ()
    pages_dir: tuple[str, ...] = ()

class Ledger(Record, frozen=True):
    lines: tuple[str, ...] = ()
    options: Mapping[str, str] = {}

class Answer(Record, frozen=True):
    verdict: str
    message: str
    details: Mapping[str, int | str] = {}

def read(paths, options):
    try:
        return Ledger(lines=tuple("\\n".join(Path(p).read_text("utf-8") for p in paths).split("\\n")), options=options)
    except OSError as error:
        raise CollectError(Reason.NOT_CONFIGURED, f"{error.filename} : absent.") from error

def collect(request, network, progress):
    folders = [str(path) for name in request.config.pages_dir for path in sorted(Path(name).iterdir())]
    return read([*request.config.page_files, *folders], {})

def read_input(inputs, options):
    if inputs[0].endswith(".json"):
        import msgspec
        return msgspec.structs.replace(Ledger(lines=("relu",)), options=options)
    if not all(Path(name).is_file() for name in inputs):
        return None
    return read(inputs, {key: options[key] for key in ("vendor", "role")})

def answer(facts, text):
    if "?" not in text:
        raise ValueError("un point d'interrogation est attendu")
    words = text.split("?")[0]
    found = [n for n, line in enumerate(facts.lines, 1) if words in line]
    if len(found) > 1:
        return Answer(verdict="undetermined", message="Plusieurs lignes.\\x1b[2J")
    return Answer(verdict="permit" if found else "deny", message="Voir.", details={"line": found[0] if found else 0})

def summary(facts):
    if "panne" in facts.lines:
        raise RuntimeError("secret")
    return {"Lignes\\x1b": str(len(facts.lines))}

def propose(facts):
    return "\\n".join(line.lower() for line in facts.lines)
"""
LINES = """
from checks.model import Affected, failed, passed

def empty(facts, context):
    found = tuple(
        Affected(id=f"{n}", label="ligne vide", ref=f"L{n}", line=n, kind="redundant", related=facts.lines[:8],
                 witness={"src": "10.0.0.1", "dport": "445"}, detail="rien " + "n'y est écrit " * 9)
        for n, line in enumerate(facts.lines, 1) if not line
    )
    return failed("registre", f"{len(found)} lignes sont vides.", affected=found) if found else passed("registre", "Bon.")

def loud(facts, context):
    found = tuple(Affected(id=line, label=line) for line in facts.lines if line.isupper())
    return failed("registre", "Des lignes crient.", affected=found) if found else passed("registre", "Calme.")

def exists(facts, context):
    return passed("registre", "Oui.")
"""
BASIC = {"kind": "", "ref": "", "line": None, "related": [], "witness": {}}


@pytest.fixture
def place(tmp_path):
    package = tmp_path / "site" / "ledger_checks"
    (package / "controls").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "catalogue.toml": CATALOGUE,
        "rooms.py": ROOMS,
        "controls/__init__.py": "",
        "controls/lines.py": LINES,
    }
    for name, text in files.items():
        (package / name).write_text(text, "utf-8")
    info = tmp_path / "site" / "ledger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ledger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ausculte.checks]\nledger = ledger_checks\n")
    return tmp_path


def ausculte(place: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(place / "site"), **environment},
        cwd=place,
        check=False,
    )


def ledger(place: Path, text: str) -> Path:
    path = place / "registre.txt"
    path.write_text(text, "utf-8")
    return path


def test_findings_are_sorted_by_severity_with_their_objects(place):
    done = ausculte(place, "check", "ledger", ledger(place, "un\n\nDEUX\ntrois"), COLUMNS="61")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert lines[:3] == ["Lignes\ufffd : 4", "", "NON CONFORME (2)"]
    assert lines.index("  Critique  LEDG-A-002  Aucune ligne ne crie") < lines.index(
        "  Moyenne  LEDG-A-001  Aucune ligne n'est vide"
    )
    assert "      - L2 « ligne vide » (ligne 2, redondante) : rien n'y" in lines
    assert "        en cause : un, , DEUX, trois" in lines
    assert "        exemple : src=10.0.0.1 dport=445" in lines
    assert "CONFORME (1)" in lines
    assert lines[-2:] == [
        "Bilan : non conforme 2, non évalué 0, conforme 1, sans objet",
        "0. Gravité : critique 1, moyenne 1.",
    ]


def test_a_summary_that_fails_costs_only_itself(place):
    done = ausculte(place, "check", "ledger", ledger(place, "panne"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Résumé : indisponible (RuntimeError)\n\nCONFORME (3)")


def test_a_long_list_is_cut_and_counted(place):
    done = ausculte(place, "check", "ledger", ledger(place, "\n" * 30))
    assert done.stdout.count("« ligne vide »") == 10
    assert "… et 21 autres (liste entière avec --json)" in done.stdout
    assert "en cause : , , , , ,  et 2 autres" in done.stdout


def test_json_always_has_the_keys_the_domain_uses(place):
    document = json.loads(ausculte(place, "check", "ledger", ledger(place, "un\n\nDEUX"), "--json").stdout)
    outcomes = {o["control"]: o for o in document["outcomes"]}
    (loud,) = outcomes["LEDG-A-002"]["affected"]
    assert {key: loud[key] for key in BASIC} == BASIC
    (empty,) = outcomes["LEDG-A-001"]["affected"]
    assert (empty["kind"], empty["ref"], empty["line"]) == ("redundant", "L2", 2)
    assert (empty["related"], empty["witness"]) == (["un", "", "DEUX"], {"src": "10.0.0.1", "dport": "445"})
    assert outcomes["LEDG-A-003"]["affected"] == []


def test_json_keeps_its_keys_for_a_domain_that_does_not_use_them(place):
    document = json.loads(ausculte(place, "check", "ledger", ledger(place, "DEUX"), "--json").stdout)
    (loud,) = {o["control"]: o for o in document["outcomes"]}["LEDG-A-002"]["affected"]
    assert set(loud) == {"id", "label", "fingerprint"}


@pytest.mark.parametrize(("severity", "code"), [("critical", 0), ("high", 0), ("medium", 4), ("info", 4)])
def test_fail_on(place, severity, code):
    assert ausculte(place, "check", "ledger", ledger(place, "un\n\n"), "--fail-on", severity).returncode == code


@pytest.mark.parametrize(
    ("text", "word", "verdict", "code"),
    [("un\ndeux", "AUTORISÉ : Voir.", "permit", 0), ("trois", "REFUSÉ : Voir.", "deny", 0), ("un un\nun", "INDÉTERMINÉ", "undetermined", 3)],
)  # fmt: skip
def test_a_question_is_answered_instead_of_judging(place, text, word, verdict, code):
    path = ledger(place, text)
    done = ausculte(place, "check", "ledger", path, "--query", "un?")
    assert (done.returncode, done.stdout.count("\n")) == (code, 1)
    assert done.stdout.startswith(word)
    assert "\x1b" not in done.stdout
    machine = ausculte(place, "check", "ledger", path, "--query", "un?", "--json")
    assert machine.returncode == code
    document = json.loads(machine.stdout)
    assert (document["domain"], document["query"], document["verdict"]) == ("ledger", "un?", verdict)
    details = {"permit": {"line": 1}, "deny": {"line": 0}, "undetermined": {}}[verdict]
    assert {key: value for key, value in document.items() if key in ("line", "details")} == details


def test_the_proposal_is_written_and_never_over_the_input(place):
    path = ledger(place, "UN\nDeux")
    done = ausculte(place, "check", "ledger", path, "--rewrite", place / "propre.txt")
    assert done.returncode == 0, done.stderr
    assert "rien n'a été appliqué" in done.stdout
    assert (place / "propre.txt").read_text("utf-8") == "un\ndeux"
    assert ausculte(place, "check", "ledger", path, "--rewrite", "-").stdout == "un\ndeux"
    refused = ausculte(place, "check", "ledger", path, "--rewrite", place / "site" / ".." / "registre.txt")
    assert refused.returncode == 2
    assert path.read_text("utf-8") == "UN\nDeux"


def test_options_of_the_domain_reach_it(place):
    words = ["--json", "--vendor", "acme", "--role", "lan=pro", "--role", "wan=wan"]
    document = json.loads(ausculte(place, "check", "ledger", ledger(place, "un"), *words).stdout)
    assert document["facts"]["options"] == {"vendor": "acme", "role": "lan=pro\nwan=wan"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["messaging", "tilleuls.test", "--vendor", "acme"], "--vendor : sans effet sur le domaine « messaging »"),
        (["messaging", "tilleuls.test", "--role", "lan=pro"], "--role : sans effet"),
        (["messaging", "tilleuls.test", "--query", "a?"], "--query : sans effet"),
        (["messaging", "tilleuls.test", "--rewrite", "-"], "--rewrite : sans effet"),
        (["ledger", "registre.txt", "--query", "a"], "--query : un point d'interrogation est attendu"),
        (["ledger", "registre.txt", "--query", "a?", "--rewrite", "-"], "--rewrite"),
        (["ledger", "registre.txt", "--query", "a?", "--fail-on", "low"], "--fail-on"),
        (["ledger", "registre.txt", "--json", "--rewrite", "-"], "--json"),
        (["ledger", "absent.txt"], "ce n'est pas un fichier"),
    ],
)
def test_what_cannot_be_done_is_refused(place, words, expected):
    ledger(place, "un")
    done = ausculte(place, "check", *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "interne" not in done.stderr


def test_recorded_facts_are_judged_asked_and_read_again_with_the_options(place):
    folder = run_folder(place)
    facts = folder / "facts" / "ledger.json"
    judged = json.loads(ausculte(place, "check", "ledger", facts, "--json").stdout)
    assert judged["facts"]["lines"] == ["un", "", "deux"]
    assert ausculte(place, "check", "ledger", facts, "--query", "deux?").stdout == "AUTORISÉ : Voir.\n"
    again = json.loads(ausculte(place, "check", "ledger", facts, "--json", "--role", "lan=pro").stdout)
    assert again["facts"]["lines"] == ["relu"]


def test_facts_that_were_not_collected_give_their_reason_once(place):
    envelope = {
        "schema": "ausculte/facts", "domain": "ledger", "facts_version": 1, "tool_version": "1",
        "started": "2026-11-22T09:00:00Z", "finished": "2026-11-22T09:00:00Z",
        "gap": {"kind": "gap", "reason": "malformed", "detail": "Fichier coupé."}, "data": None,
    }  # fmt: skip
    path = place / "faits.json"
    path.write_text(json.dumps(envelope), "utf-8")
    assert msgspec.json.decode(path.read_bytes(), type=FactsFile).gap is not None
    done = ausculte(place, "check", "ledger", path)
    assert (done.returncode, done.stdout) == (3, "NON ÉVALUÉ : Fichier coupé.\n")
    for words in (["--query", "a?"], ["--rewrite", "-"]):
        done = ausculte(place, "check", "ledger", path, *words)
        assert (done.returncode, done.stdout, done.stderr) == (3, "", "ausculte : Fichier coupé.\n")


def run_folder(place: Path) -> Path:
    (place / "pages").mkdir()
    (place / "pages" / "b.txt").write_text("\ndeux", "utf-8")
    (place / "a.txt").write_text("un", "utf-8")
    profile = place / "site.toml"
    profile.write_text(
        """schema = 1
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Mme Durand"
signed_on = 2026-01-01
valid_from = 2026-01-01
valid_to = 2126-01-01
emergency_contact = "06"
[ledger]
page_files = ["a.txt"]
pages_dir = ["pages"]
""",
        "utf-8",
    )
    done = ausculte(place, "run", profile, "-o", place / "audits", "--quiet")
    assert done.returncode == 0, done.stderr
    (folder,) = (place / "audits").glob("run-*")
    return folder


def test_a_domain_without_target_is_audited_under_a_mandate_without_network(place):
    folder = run_folder(place)
    run = read_run(folder / "run.json")
    (status,) = [d for d in run.domains if d.domain == "ledger"]
    assert (status.status, status.targets) == ("collected", ())
    (finding,) = [o for o in run.outcomes if o.control == "LEDG-A-001"]
    assert [(item.ref, item.line, item.kind) for item in finding.affected] == [("L2", 2, "redundant")]
    assert ausculte(place, "verify", folder).returncode == 0
    names = {path.name for path in folder.rglob("*")}
    assert names.isdisjoint({"a.txt", "b.txt", "pages"}), "inputs that may hold secrets stay where they are"
