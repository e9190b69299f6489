"""The floors of the house: imports only go down, and a domain never reaches into another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "checks": {"checks"},
    "reports": {"checks", "reports"},
    "agent": {"checks", "reports", "agent", "lab"},
    "lab": {"lab", "agent", "checks"},
}
SHARED = {"model", "common", "catalogue", "evaluate"}
SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module, node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    floor, *rooms = path.relative_to(ROOT).parts
    for name, line in imports(path):
        top, *rest = name.split(".")
        if top not in FLOORS:
            continue
        assert top in FLOORS[floor], f"{path}:{line}: {floor} imports {name}"
        if floor == top == "checks" and rest and len(rooms) > 1 and rooms[0] not in (*SHARED, "site"):
            assert rest[0] in {*SHARED, rooms[0]}, f"{path}:{line}: domain {rooms[0]} imports {name}"


def test_there_is_something_to_check():
    assert len(SOURCES) > 40


def test_controls_open_nothing():
    """A control is pure: no socket, no clock, no file."""
    forbidden = {
        "socket",
        "ssl",
        "asyncio",
        "subprocess",
        "requests",
        "ldap3",
        "impacket",
        "time",
        "pathlib",
        "os",
        "io",
    }
    for path in (ROOT / "checks").glob("*/controls/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {name.split(".")[0] for name, _ in imports(path)}
        assert not names & forbidden, f"{path}: {names & forbidden}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in {"open", "now", "utcnow", "today"}, f"{path}:{node.lineno}: {called}()"
