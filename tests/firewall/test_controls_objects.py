"""Named objects: base facts and one change."""

from __future__ import annotations

from checks.firewall.facts import Device, NamedObject
from checks.model import Verdict
from tests.firewall.devices import Builder, device, judge

P, F, NA = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE


def with_objects(*items: tuple[str, str, str], used: bool = True) -> Device:
    build = Builder()
    objects = tuple(
        NamedObject(
            name=name,
            kind=kind,
            line=30 + i,
            content=build.address(text) if kind.startswith("address") else build.service(text),
            used=used,
        )
        for i, (name, kind, text) in enumerate(items)
    )
    return device(build.rule("1", "deny"), build=build, objects=objects)


def test_two_names_for_the_same_address_fail() -> None:
    found = judge(
        "objects.duplicates",
        with_objects(
            ("SRV_SOINS", "address", "10.1.10.5"), ("NETSOINS", "address", "10.1.10.5"), ("NAS", "address", "10.1.50.9")
        ),
    )
    assert found.verdict is F
    assert len(found.affected) == 1
    assert found.affected[0].label == "objets NETSOINS, SRV_SOINS"
    assert found.affected[0].related == ("NETSOINS",)
    assert found.affected[0].line == 30


def test_same_content_written_otherwise_is_a_duplicate() -> None:
    found = judge("objects.duplicates", with_objects(("A", "service", "tcp/80,tcp/81"), ("B", "service", "tcp/80-81")))
    assert found.verdict is F


def test_address_and_group_of_the_same_content_are_not_duplicates() -> None:
    found = judge(
        "objects.duplicates", with_objects(("A", "address", "10.1.10.5"), ("B", "address-group", "10.1.10.5"))
    )
    assert found.verdict is P


def test_unresolved_objects_are_never_called_duplicates() -> None:
    found = judge(
        "objects.duplicates", with_objects(("A", "address", "?fqdn:a.test"), ("B", "address", "?fqdn:a.test"))
    )
    assert found.verdict is P


def test_partly_resolved_objects_are_never_called_duplicates() -> None:
    pair = (("A", "address", "10.1.1.1,?absent:X"), ("B", "address", "10.1.1.1,?absent:X"))
    assert judge("objects.duplicates", with_objects(*pair)).verdict is P


def test_names_for_everything_are_not_duplicates() -> None:
    assert judge("objects.duplicates", with_objects(("all", "address", "any"), ("ANY", "address", "any"))).verdict is P
    assert judge("objects.duplicates", with_objects(("ALL", "service", "any"), ("ANY", "service", "any"))).verdict is P


def test_one_object_defined_twice_under_one_name_is_one_object() -> None:
    found = judge("objects.duplicates", with_objects(("A", "address", "10.1.10.5"), ("A", "address", "10.1.10.5")))
    assert found.verdict is P


def test_unused_object_fails() -> None:
    found = judge("objects.unused", with_objects(("VIEUX_NAS", "address", "10.1.50.9"), used=False))
    assert found.verdict is F
    assert [(item.id, item.ref, item.line) for item in found.affected] == [("address:VIEUX_NAS", "VIEUX_NAS", 30)]
    assert found.message == "1 objet ne sert à rien."


def test_export_without_objects_is_not_applicable() -> None:
    assert judge("objects.unused", device(objects=())).verdict is NA
    assert judge("objects.duplicates", device(objects=())).verdict is NA


def test_rule_naming_an_absent_object_fails() -> None:
    build = Builder()
    one = build.rule("7", "permit", "?absent:GRP_SOINS", "10.1.10.5", "tcp/443,?absent:SVC_X")
    found = judge("objects.unresolved", device(one, build=build))
    assert found.verdict is F
    assert found.affected[0].ref == "7"
    assert found.affected[0].line == 107
    assert found.affected[0].detail == "objets introuvables : GRP_SOINS, SVC_X"
    assert found.affected[0].related == ("GRP_SOINS", "SVC_X")


def test_group_that_holds_itself_fails() -> None:
    build = Builder()
    assert judge("objects.unresolved", device(build.rule("1", source="?cycle:GRP"), build=build)).verdict is F


def test_domain_name_or_country_is_not_a_fault() -> None:
    build = Builder()
    one = build.rule("1", source="?fqdn:maj.test", destination="?geo:FR")
    assert judge("objects.unresolved", device(one, build=build)).verdict is P


def test_disabled_rule_naming_an_absent_object_is_left_alone() -> None:
    build = Builder()
    rules = (build.rule("1", source="?absent:X", enabled=False), build.rule("2"))
    assert judge("objects.unresolved", device(*rules, build=build)).verdict is P


def test_no_written_rule_is_not_applicable() -> None:
    build = Builder()
    assert judge("objects.unresolved", device(build.rule("1", automatic=True), build=build)).verdict is NA
