"""The seeded faults are really visible from the auditor's place, as the ordinary audit account sees them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from lab import network, runner

pytestmark = pytest.mark.lab

BASE = "DC=tilleuls,DC=test"
CONFIG = f"CN=Configuration,{BASE}"
UAC = "userAccountControl:1.2.840.113556.1.4.803:"
"""Matching rule "all these bits"."""
GPO = "tilleuls.test/Policies/{6F2B7C1E-4D0A-4C55-9E39-0A1B7F5D2C10}/Machine/Preferences/Groups/Groups.xml"


def at_auditor(info, *argv: str, **environment: str) -> str:
    """Run a command from the auditor's place; returns what it printed, both streams."""
    done = subprocess.run(
        runner.exec_argv(info.name, argv),
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout + done.stderr


def search(info, query: str, *attributes: str, base: str = BASE, scope: str = "sub") -> str:
    login = ["-x", "-H", "ldaps://dc1.tilleuls.test", "-D", info.audit_user, "-y", info.audit_password_file]
    return at_auditor(
        info,
        *("ldapsearch", "-LLL", "-o", "ldif-wrap=no", *login, "-b", base, "-s", scope, query, *attributes),
        LDAPTLS_CACERT=info.ca_file,
    )


def names(info, query: str) -> set[str]:
    text = search(info, query, "sAMAccountName")
    return {line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("sAMAccountName: ")}


def days_ago(days: int) -> str:
    """FILETIME of a moment in the past."""
    return str(int((time.time() - days * 86400 + 11644473600) * 10_000_000))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"(&(objectClass=user)({UAC}=4194304))", {"cmoreau", "svc-sauvegarde"}),
        (f"({UAC}=2097152)", {"automate-labo"}),
        (f"({UAC}=128)", {"svc-sauvegarde"}),
        (f"(&({UAC}=524288)(!(primaryGroupID=516)))", {"SRV-IMPRESSION$"}),
        (f"({UAC}=16777216)", {"SRV-SYNC$"}),
        ("(msDS-AllowedToDelegateTo=*dc1.tilleuls.test)", {"SRV-INTRANET$", "SRV-SYNC$"}),
        ("(msDS-AllowedToActOnBehalfOfOtherIdentity=*)", {"DC1$", "SRV-COMPTA$"}),
        ("(&(objectCategory=person)(servicePrincipalName=*)(!(sAMAccountName=krbtgt)))",
         {"adm-martin", "svc-dui", "svc-planning"}),
        ("(&(objectCategory=person)(msDS-SupportedEncryptionTypes=4))", {"svc-dui"}),
        ("(memberOf:1.2.840.113556.1.4.1941:=CN=DnsAdmins,CN=Users,DC=tilleuls,DC=test)", {"lpetit"}),
        ("(memberOf=CN=Schema Admins,CN=Users,DC=tilleuls,DC=test)", {"Administrator"}),
        ("(memberOf=CN=Protected Users,CN=Users,DC=tilleuls,DC=test)", {"adm-durand"}),
        ("(memberOf=CN=Backup Operators,CN=Builtin,DC=tilleuls,DC=test)", {"svc-sauvegarde"}),
        ("(sIDHistory=*)", {"nleroux", "hgarnier"}),
        ("(&(objectCategory=person)(primaryGroupID=515))", {"borne-entree"}),
        (f"(&({UAC}=4128)(!(logonCount>=1)))", {"PC-RESERVE$"}),
        ("(operatingSystem=Windows 7*)", {"PC-PHARMACIE$"}),
        (f"(&({UAC}=8192)(operatingSystem=*2008*))", {"DC-ANCIEN$"}),
        ("(userCertificate=*)", {"ilambert", "cfournier", "pfaure", "vsimon"}),
        ("(info=*)", {"borne-entree"}),
        (f"(&({UAC}=32)(!({UAC}=4096))(!({UAC}=2048)))", {"Guest", "imprimante-accueil"}),
        ("(&(sAMAccountName=Guest)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", {"Guest"}),
    ],
)  # fmt: skip
def test_account_fault_is_visible(running_lab, query, found):
    assert names(running_lab, query) == found


@pytest.mark.parametrize(
    ("attribute", "days", "among", "found"),
    [
        ("pwdLastSet", 1095, "sAMAccountName=adm-*", {"adm-martin"}),
        ("pwdLastSet", 365, "sAMAccountName=krbtgt", {"krbtgt"}),
        ("pwdLastSet", 90, "operatingSystem=*Server 2022*", {"SRV-FICHIERS$", "SRV-ARCHIVES$"}),
        ("pwdLastSet", 45, "operatingSystem=*Server 2022*", {"SRV-FICHIERS$", "SRV-ARCHIVES$", "SRV-COMPTA$"}),
        ("lastLogonTimestamp", 90, "operatingSystem=*Server 2022*", {"SRV-ARCHIVES$"}),
        ("lastLogonTimestamp", 180, "department=*", {"cmasson"}),
        ("pwdLastSet", 365, "sAMAccountType=805306370", {"ANCIEN$"}),
    ],
)
def test_ages_are_relative_to_today(running_lab, attribute, days, among, found):
    old = f"(&({among})({attribute}<={days_ago(days)})({attribute}>=1))"
    assert names(running_lab, old) == found


@pytest.mark.parametrize(
    ("base", "query", "attribute", "expected"),
    [
        (BASE, "(objectClass=domain)", "minPwdLength", "minPwdLength: 6"),
        (BASE, "(objectClass=domain)", "lockoutThreshold", "lockoutThreshold: 0"),
        (BASE, "(objectClass=domain)", "ms-DS-MachineAccountQuota", "ms-DS-MachineAccountQuota: 10"),
        (BASE, "(cn=ActiveDirectoryUpdate)", "revision", "revision: 15"),
        (BASE, "(cn=Pre-Windows 2000*)", "member", "member: CN=S-1-5-7,CN=ForeignSecurityPrincipals"),
        (BASE, "(cn=ancien.test)", "trustAttributes", "trustAttributes: 0"),
        (CONFIG, "(cn=Directory Service)", "dSHeuristics", "dSHeuristics: 00000001"),
        (CONFIG, "(cn=user-Display)", "adminContextMenu", "srv-fichiers.tilleuls.test"),
        (CONFIG, "(cn=Tilleuls-VPN)", "msPKI-Certificate-Name-Flag", "msPKI-Certificate-Name-Flag: 1"),
        (CONFIG, "(objectClass=pKIEnrollmentService)", "certificateTemplates", "certificateTemplates: Tilleuls-VPN"),
        (CONFIG, "(cn=NTAuthCertificates)", "cACertificate", "cACertificate:: MII"),
        # dNSProperty of id 2 with value 1: unsecure updates.
        (f"DC=DomainDnsZones,{BASE}", "(dc=tilleuls.test)", "dNSProperty", "AQAAAAAAAAAAAAAAAQAAAAIAAAABAAAAAA=="),
    ],
)  # fmt: skip
def test_setting_fault_is_visible(running_lab, base, query, attribute, expected):
    assert expected in search(running_lab, query, attribute, base=base)


def test_policy_password_is_readable_by_the_audit_account(running_lab, tmp_path):
    login = tmp_path / "login"
    login.write_text(f"username = audit-ausculte\npassword = {running_lab.audit_password}\ndomain = TILLEULS\n")
    target = tmp_path / "Groups.xml"
    at_auditor(running_lab, "smbclient", "//dc1.tilleuls.test/sysvol", "-A", str(login), "-c", f"get {GPO} {target}")
    assert 'cpassword="' in target.read_text("utf-8")


def test_audit_account_is_ordinary(running_lab):
    text = search(running_lab, "(sAMAccountName=audit-ausculte)", "memberOf", "primaryGroupID", "userAccountControl")
    assert "memberOf" not in text
    assert "primaryGroupID: 513" in text
    assert "userAccountControl: 512" in text


def test_simple_bind_in_clear_is_refused_once_signing_is_required(running_lab, later_lab):
    for info, accepted in ((running_lab, True), (later_lab, False)):
        login = ["-x", "-D", info.audit_user, "-y", info.audit_password_file]
        text = at_auditor(
            info, "ldapsearch", "-LLL", *login, "-H", "ldap://dc1.tilleuls.test", "-b", BASE, "-s", "base", "dc"
        )
        assert ("dc: tilleuls" in text) is accepted, text
        assert accepted or "Strong(er) authentication required" in text


def test_local_passwords_are_managed_six_months_later(running_lab, later_lab):
    query = "(msLAPS-PasswordExpirationTime=*)"
    assert names(running_lab, query) == set()
    assert {"PC-ACCUEIL$", "SRV-DUI$"} <= names(later_lab, query)


def dig(info, *words: str) -> str:
    return at_auditor(info, "dig", "+time=1", "+tries=1", *words)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("tilleuls.test", "TXT"), "?all"),
        (("sain.test", "MX"), "mx.hebergeur.test."),
        (("_dmarc.faible.test", "TXT"), "pct=20"),
        (("n-importe-quoi._domainkey.joker.test", "TXT"), "v=DKIM1"),
        (("parque.test", "MX"), "0 ."),
        (("sain.test", "DS"), " 13 2 "),
        (("+dnssec", "sain.test", "MX"), "RRSIG"),
        (("-x", "10.30.0.25"), "mail.tilleuls.test."),
        (("spf.routeur-disparu.test", "TXT"), "NXDOMAIN"),
        (("exemple.fr", "A"), "NXDOMAIN"),
        (("panne.test", "MX"), "SERVFAIL"),
        (("ouvert.test", "DNSKEY"), "ANSWER: 0"),
    ],
)
def test_name_server_answers(running_lab, question, answer):
    assert answer in dig(running_lab, *question)


@pytest.mark.parametrize("question", [("muet.test", "MX"), ("_dmarc.MuEt.test", "TXT"), ("+tcp", "a.b.muet.test", "A")])
def test_silent_zone_never_answers(running_lab, question):
    text = dig(running_lab, *question)
    assert "timed out" in text
    assert "status:" not in text


def starttls(info, host: str, *options: str) -> str:
    argv = ["openssl", "s_client", "-starttls", "smtp", "-connect", f"{host}:25", "-CAfile", info.ca_file, *options]
    done = subprocess.run(
        runner.exec_argv(info.name, argv), input="QUIT\n", capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def test_mail_servers_encrypt_as_described(running_lab):
    assert "Verification: OK" in starttls(running_lab, "mail.tilleuls.test", "-verify_hostname", "mail.tilleuls.test")
    assert "Verification: OK" in starttls(running_lab, "mx.hebergeur.test", "-verify_hostname", "mx.hebergeur.test")
    assert "certificate has expired" in starttls(running_lab, "relais.tilleuls.test")
    assert "Didn't find STARTTLS" in starttls(running_lab, "mx.faible.test")


def test_only_the_old_mail_server_accepts_tls_1_0(running_lab, later_lab):
    old = ("-tls1", "-cipher", "ALL:@SECLEVEL=0")
    assert "New, TLSv1.0, Cipher is ECDHE" in starttls(running_lab, "mail.tilleuls.test", *old)
    assert "New, (NONE)" in starttls(running_lab, "mx.hebergeur.test", *old)
    assert "New, (NONE)" in starttls(later_lab, "mail.tilleuls.test", *old)


def test_mail_servers_relay_for_nobody(running_lab):
    script = (
        "import smtplib\n"
        "s = smtplib.SMTP('mail.tilleuls.test', 25, 'audit.tilleuls.test', 10)\n"
        "s.mail('a@ailleurs.test')\n"
        "print(s.rcpt('b@sain.test')[0], s.rcpt('directrice@tilleuls.test')[0])\n"
    )
    refused, accepted = at_auditor(running_lab, sys.executable, "-c", script).split()
    assert refused.startswith("5")
    assert accepted in {"250", "550"}


def test_router_forwards_and_the_machine_is_out_of_reach(running_lab):
    assert "1" in subprocess.run(
        runner.exec_argv(running_lab.name, ["cat", "/proc/sys/net/ipv4/ip_forward"], "router"),
        capture_output=True, text=True, check=True, timeout=20,
    ).stdout  # fmt: skip
    interfaces = at_auditor(running_lab, "ip", "-o", "link")
    assert [line.split(": ")[1].split("@")[0] for line in interfaces.splitlines()] == ["lo", "eth0"]
    assert network.namespaces_of(running_lab.name)
