"""The script and the page that give the audit its access ask for the rights of the table of readings, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from checks.m365.client.claims import READER_ROLES, writable
from checks.m365.config import COMPLIANCE, EXCHANGE, GRAPH, LOGIN, TEAMS, M365Config
from checks.m365.resources import EXCHANGE_MANAGE, RESOURCES, TEAMS_ACCESS

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "packaging/m365/application.ps1").read_text("utf-8")
PAGE = (ROOT / "docs/m365-application.md").read_text("utf-8")
GRAPH_READINGS = [resource for resource in RESOURCES if resource.api == "graph"]
NEEDED = {name for r in GRAPH_READINGS if not r.optional for name in (r.permission, *r.also)}
OPTIONAL = {r.name: r.permission for r in GRAPH_READINGS if r.optional}
NEVER = {r.permission for r in RESOURCES if r.api in ("sharepoint", "azure")}


def rows(title: str) -> list[list[str]]:
    """Cells of the table that follows a sentence of the page."""
    after = PAGE.split(title, 1)[1].split("|---", 1)[1].split("\n", 1)[1]
    lines = after.split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(title: str) -> set[str]:
    return {row[0].strip("`") for row in rows(title)}


def test_the_script_asks_for_the_table_and_nothing_else():
    listed = re.search(r"\$Permissions = @\((.*?)\)", SCRIPT, re.DOTALL)
    assert listed is not None
    found = re.findall(r"'([^']+)'", listed[1])
    assert len(found) == len(set(found)) > 20
    assert set(found) == NEEDED
    assert f"$InboxRulesPermission = '{OPTIONAL['inbox_rules']}'" in SCRIPT
    assert f"$AuditQueryPermission = '{OPTIONAL['audit_query']}'" in SCRIPT
    assert f"$ExchangePermission = '{EXCHANGE_MANAGE}'" in SCRIPT
    assert f"$TeamsPermission = '{TEAMS_ACCESS}'" in SCRIPT


def test_the_page_explains_the_table_and_nothing_else():
    assert names("« non évalués », avec cette raison") == NEEDED
    assert names("Sur demande seulement") == set(OPTIONAL.values())
    assert names("Hors de Microsoft Graph") == {EXCHANGE_MANAGE, TEAMS_ACCESS}
    assert all(len(row) == 3 and row[1] for row in rows("« non évalués », avec cette raison"))


def test_what_allows_writing_is_never_asked_for():
    assert writable(tuple(NEEDED | set(OPTIONAL.values()))) == ()
    assert NEVER
    for name in NEVER:
        assert name not in SCRIPT
    assert "Sites.FullControl.All" in PAGE.split("Jamais demandés")[1]


def test_the_licence_that_a_right_waits_for_is_told():
    plans = {"AAD_PREMIUM_P2": "P2", "INTUNE_A": "Intune"}
    for name, _, remark in rows("« non évalués », avec cette raison"):
        readings = [r for r in GRAPH_READINGS if name.strip("`") == r.permission]
        licences = {r.licence for r in readings}
        if len(licences) == 1 and (plan := plans.get(licences.pop())):
            assert plan in remark, name


def test_the_role_of_the_application_is_the_reader_s():
    found = re.search(r"\$GlobalReader = '([0-9a-f-]+)'", SCRIPT)
    assert found is not None
    assert READER_ROLES[found[1]] == "Global Reader"


def test_the_script_only_touches_what_it_creates():
    posts = set(re.findall(r"-Method (POST|DELETE|PATCH|PUT) -Uri ['\"](/v1\.0/[A-Za-z/]+)", SCRIPT))
    assert posts == {
        ("POST", "/v1.0/applications"), ("POST", "/v1.0/applications/"), ("POST", "/v1.0/servicePrincipals"),
        ("POST", "/v1.0/servicePrincipals/"), ("POST", "/v1.0/oauth"), ("DELETE", "/v1.0/applications/"),
        ("POST", "/v1.0/roleManagement/directory/roleAssignments"), ("DELETE", "/v1.0/directory/deletedItems/"),
    }  # fmt: skip


def test_brackets_and_quotes_of_the_script_are_paired():
    """No PowerShell here to parse it: at least what is opened is closed."""
    code = re.sub(r"<#.*?#>", "", SCRIPT, flags=re.DOTALL)
    code = "\n".join("" if line.lstrip().startswith("#") else line for line in code.splitlines())
    double, single = r'"(?:[^"`]|`.)*"', r"'(?:[^']|'')*'"
    code = re.sub(f"{double}|{single}", "", code)
    assert '"' not in code
    assert "'" not in code
    stack: list[str] = []
    for character in code:
        if character in "([{":
            stack.append(character)
        elif character in ")]}":
            assert stack
            assert stack.pop() + character in ("()", "[]", "{}")
    assert stack == []


def test_the_page_names_the_addresses_and_the_keys_of_the_profile():
    for host in (LOGIN, GRAPH, EXCHANGE, COMPLIANCE, TEAMS):
        assert host in PAGE
    example = PAGE.split("[m365]\n", 1)[1].split("```", 1)[0]
    keys = set(re.findall(r"^#? ?([a-z_]+) =", example, re.MULTILINE))
    assert keys <= set(M365Config.__struct_fields__)
    assert {"tenant", "client_id", "sign_in", "certificate_file"} <= keys
    for kind in ("certificate", "client_secret", "device_code", "token"):
        assert f"`{kind}`" in PAGE
