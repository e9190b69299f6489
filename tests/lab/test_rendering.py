"""Zone files, profile, cache key, names: the pure part of the runner."""

from __future__ import annotations

import argparse
import datetime as dt
import os

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.profile import parse_profile
from checks.catalogue import load_catalogue
from lab import cli, description, network, paths, profile, provision, runner, zones
from lab.description import AS_FOUND, SIX_MONTHS
from lab.errors import LabError
from lab.expectations import Expectation, differences

SITE = description.load()
KEYS = {f"{name}.{key.selector}": "QUJD" * 98 for name, zone in SITE.zones.items() for key in zone.dkim}
TODAY = dt.date(2026, 11, 22)
EXPORTS = profile.Exports("/srv/exports", "/srv/borne", "/srv/depot", "/srv/chambre d'un résident")


def parsed(name: str) -> dns.zone.Zone:
    return dns.zone.from_text(zones.render_zone(SITE, name, KEYS, 1), origin=f"{name}.", check_origin=True)


def texts(zone: dns.zone.Zone, name: str) -> list[str]:
    found = zone.get_rdataset(name, dns.rdatatype.TXT) or ()
    return [b"".join(rdata.strings).decode() for rdata in found]


@pytest.mark.parametrize("name", sorted(SITE.zones))
def test_described_zone_is_a_valid_zone_file_with_its_records(name):
    zone, wanted = parsed(name), SITE.zones[name]
    apex = texts(zone, "@")
    assert set(wanted.spf) <= set(apex)
    assert sorted(texts(zone, "_dmarc")) == sorted(wanted.dmarc)
    for key in wanted.dkim:
        (text,) = texts(zone, f"{key.selector}._domainkey")
        assert text.endswith("p=" + KEYS[f"{name}.{key.selector}"])
        assert ("t=y" in text) is ("t=y" in key.flags)
    assert bool(texts(zone, "_mta-sts")) is bool(wanted.sts_mode)


def test_top_level_delegates_every_zone_and_signs_only_the_signed():
    text = zones.render_top_level(
        SITE, {"sain.test": ("1 13 2 " + "AB" * 32,), "ouvert.test": ("2 13 2 " + "CD" * 32,)}, 1
    )
    zone = dns.zone.from_text(text, origin="test.", relativize=False)
    for name in SITE.zones:
        assert zone.get_rdataset(dns.name.from_text(name), dns.rdatatype.NS)
    assert zone.get_rdataset(dns.name.from_text("sain.test"), dns.rdatatype.DS)
    assert zone.get_rdataset(dns.name.from_text("ouvert.test"), dns.rdatatype.DS) is None
    assert zone.get_node(dns.name.from_text("routeur-disparu.test")) is None


def test_root_and_reverse_are_valid_zones():
    dns.zone.from_text(zones.render_root(1), origin=".", relativize=False)
    reverse = dns.zone.from_text(zones.render_reverse(SITE, 1), origin="10.in-addr.arpa.", relativize=False)
    pointer = reverse.get_rdataset(dns.name.from_text("25.0.30.10.in-addr.arpa"), dns.rdatatype.PTR)
    assert str(pointer[0].target) == "mail.tilleuls.test."


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=700))
def test_txt_survives_quoting_and_cutting(text):
    zone = dns.zone.from_text(
        f"$ORIGIN x.\n@ 1 SOA a. b. 1 1 1 1 1\n@ 1 NS a.\n@ 1 TXT {zones.txt(text)}\n", origin="x."
    )
    assert texts(zone, "@") == [text]


def test_policy_has_the_lines_of_the_standard():
    lines = zones.render_policy(SITE.zones["sain.test"]).split("\r\n")
    assert lines == ["version: STSv1", "mode: enforce", "mx: mx.hebergeur.test", "max_age: 604800", ""]


@pytest.mark.parametrize("state", [AS_FOUND, SIX_MONTHS])
def test_profile_is_accepted_by_the_agent(state):
    text = profile.render_profile(SITE.in_state(state), "/srv/ca avec espace.pem", EXPORTS, TODAY)
    loaded = parse_profile(text.encode(), "site.toml", load_catalogue())
    assert loaded.profile.structure.name == "EHPAD Les Tilleuls"
    assert loaded.profile.mandate.valid_from <= TODAY <= loaded.profile.mandate.valid_to
    assert [e.network for e in loaded.profile.mandate.excluded] == ["10.10.0.70"]
    assert loaded.domains["ad"].servers == ("dc1.tilleuls.test",)
    mail = loaded.domains["messaging"]
    assert "sain.test" in mail.domains
    assert "hebergeur.test" not in mail.domains
    assert mail.dkim_selectors_by_domain["tilleuls.test"] == ("s2026",)
    assert "joker.test" not in mail.dkim_selectors_by_domain
    wifi = loaded.domains["wifi"]
    assert [(one.role, one.network) for one in wifi.inside] == [("pro", "10.10.0.0/24"), ("resident", "10.20.0.0/24")]
    assert "198.51.100.80" in wifi.targets()
    assert "password" not in text.replace("password_from", "")


def test_profile_can_be_limited_to_some_mail_domains():
    text = profile.render_profile(SITE, "/ca.pem", EXPORTS, TODAY, ["tilleuls.test"])
    loaded = parse_profile(text.encode(), "site.toml", load_catalogue())
    assert loaded.domains["messaging"].domains == ("tilleuls.test",)


@pytest.mark.parametrize("name", ["lab", "test-1", "a"])
def test_good_lab_name(name):
    assert paths.check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a.b", "a/b", "../x", "-a", "a" * 25, "a\n"])
def test_bad_lab_name_is_refused(name):
    with pytest.raises(ValueError, match="nom de laboratoire"):
        paths.check_name(name)


def test_one_lab_never_takes_the_namespaces_of_another():
    assert not paths.namespace("demo-2", "dc").startswith(paths.namespace("demo", ""))


def test_cache_key_depends_on_what_decides_the_result():
    day = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
    key = provision.cache_key(AS_FOUND, None, "4.17", day)
    assert key == provision.cache_key(AS_FOUND, None, "4.17", day + dt.timedelta(hours=15))
    others = [
        provision.cache_key(SIX_MONTHS, None, "4.17", day),
        provision.cache_key(AS_FOUND, provision.Bulk(1, 2, 3), "4.17", day),
        provision.cache_key(AS_FOUND, None, "4.19", day),
        provision.cache_key(AS_FOUND, None, "4.17", day + dt.timedelta(days=1)),
    ]
    assert len({key, *others}) == 5


def test_hosts_know_themselves_and_the_domain_controller():
    text = network.hosts_file(SITE, "agent")
    assert "10.10.0.200 audit.tilleuls.test" in text
    assert "10.10.0.10 dc1.tilleuls.test dc1 tilleuls.test" in text
    assert network.resolver_file(SITE, SITE.hosts["agent"]).splitlines()[1] == "nameserver 10.30.0.53"


def test_without_root_the_lab_says_so_in_french(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="droits de root"):
        runner.up("never")
    assert "sudo" in runner.doctor()[0]
    parser = argparse.ArgumentParser()
    cli.add_commands(parser)
    assert cli.run(parser.parse_args(["down", "--name", "never"])) == cli.EXIT_USAGE
    assert "root" in capsys.readouterr().err


def outcome(control="X-1", subject="s", verdict="pass", **more):
    return {"control": control, "subject": subject, "verdict": verdict, **more}


def wanted(**changes):
    return Expectation(**{"control": "X-1", "subject": "s", "verdict": "pass", **changes})


def test_same_verdicts_have_no_difference():
    assert differences([wanted()], [outcome()]) == []
    assert differences([wanted(verdict="fail")], [outcome(verdict="fail", affected=[{"label": "a"}])]) == []


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (wanted(), []),
        (wanted(), [outcome(), outcome(subject="t")]),
        (wanted(), [outcome(verdict="fail")]),
        (wanted(verdict="not_assessed", reason="timeout"), [outcome(verdict="not_assessed", reason="error")]),
        (wanted(verdict="fail", affected=("a", "b")), [outcome(verdict="fail", affected=[{"label": "a"}])]),
    ],
)
def test_each_kind_of_difference_is_told(key, found):
    assert len(differences([key], found)) == 1


def test_comparison_can_be_limited_to_some_subjects():
    assert differences([wanted(), wanted(subject="elsewhere")], [outcome()], ["s"]) == []
