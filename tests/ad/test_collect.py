from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from checks.ad.collect import collect, online_input, read_input
from checks.ad.config import AdConfig
from checks.ad.facts import NEVER, AdFacts, LdapsFacts, SmbFacts, Sysvol
from checks.ad.parsers.gpp import MAX_FILE
from checks.ad.readers import objects, sysvol
from checks.ad.readers.descriptors import UNREADABLE, DescriptorTable
from checks.ad.readers.network import probe_ldaps, probe_signing, probe_smb
from checks.ad.readers.sysvol import Item, ShareError, walk
from checks.ad.transport import ber
from checks.ad.transport.directory import Entry
from checks.ad.transport.ntlm import NtlmAccount
from checks.model import FACTS_SCHEMA, CollectError, CollectRequest, FactsFile, Gap, Reason
from tests.ad import wire
from tests.ad.fake_dc import FakeDc, Identity, OpenNetwork, make_identity
from tests.ad.fake_directory import (
    ADMINS,
    CONFIGURATION,
    DOMAIN,
    HELPDESK,
    PLAIN,
    SID,
    SYSTEM,
    FakeDirectory,
    account,
    small_directory,
)
from tests.ad.test_transport_directory import smb1_answer, smb2_answer

NOW = dt.datetime(2026, 11, 22, 6, 30, 10, tzinfo=dt.UTC)
ACCOUNT = NtlmAccount("audit", "tilleuls.test", "secret")


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("pki"), "dc1.tilleuls.test")


def configured(port: int, identity: Identity, **changes) -> AdConfig:
    settings = {
        "servers": ("dc1.tilleuls.test",),
        "user": "audit@tilleuls.test",
        "ca_file": str(identity.certificate),
        "ldaps_port": port,
        "ldap_port": port,
        "smb_port": port,
        "connect_timeout": 3.0,
        "read_timeout": 3.0,
        "sysvol": False,
        "smb": False,
        "ldap_probes": False,
    }
    return AdConfig(**(settings | changes))


def collected(handler: FakeDirectory, identity: Identity, **changes) -> AdFacts:
    steps: list[str] = []
    with FakeDc(handler, identity) as dc:
        request = CollectRequest(
            config=configured(dc.port, identity, **changes), secret=lambda _: "secret", clock=lambda: NOW
        )
        facts = collect(request, OpenNetwork(), lambda step, *_: steps.append(step))
    assert len(dc.binds) == 2, "one for the domain, one for the forest, and no other"
    assert steps
    return facts


# --- the whole way


def test_whole_directory(identity: Identity) -> None:
    facts = collected(FakeDirectory(small_directory()), identity)
    assert (facts.domain.dns_name, facts.domain.netbios, facts.domain.sid) == ("tilleuls.test", "TILLEULS", SID)
    assert (facts.domain.domain_level, facts.domain.forest_level, facts.domain.schema_version) == (7, 7, 88)
    assert facts.domain.clock_skew == -9.5
    assert not isinstance(facts.accounts, Gap)
    assert {a.name for a in facts.accounts} == {"Administrateur", "krbtgt", "zoe"}
    assert not isinstance(facts.policy, Gap)
    assert (facts.policy.min_length, facts.policy.max_age, facts.policy.lockout_duration) == (12, 3628800, 1800)
    assert facts.policy.machine_account_quota == 10
    assert (facts.ds_heuristics, facts.recycle_bin, facts.adprep_revision) == ("0000000001", True, None)
    assert not isinstance(facts.dns_zones, Gap)
    assert [(z.name, z.partition, z.allow_update) for z in facts.dns_zones] == [("tilleuls.test", "domain", 2)]
    assert not isinstance(facts.gpo_links, Gap)
    assert [link.container for link in facts.gpo_links] == [DOMAIN]
    assert not isinstance(facts.gpos, Gap)
    assert [(gpo.guid, gpo.name, bool(gpo.descriptor)) for gpo in facts.gpos] == [("a", "Stratégie par défaut", True)]
    assert facts.trusts == ()
    assert facts.silos == ()
    assert facts.nt_auth == ()
    assert facts.collection.privileged_reader is False
    assert facts.collection.descriptors_unreadable == 2
    assert isinstance(facts.sysvol, Gap)
    assert facts.sysvol.reason is Reason.NOT_CONFIGURED


def test_no_secret_and_no_description_reaches_the_facts(identity: Identity) -> None:
    raw = msgspec.json.encode(collected(FakeDirectory(small_directory()), identity))
    assert b"Tilleuls1" not in raw
    assert b"secret_hints" in raw
    assert b'"secret"' not in raw


def test_rights_are_kept_for_what_administers_and_for_who_they_name(identity: Identity) -> None:
    facts = collected(FakeDirectory(small_directory()), identity)
    assert not isinstance(facts.accounts, Gap)
    assert not isinstance(facts.groups, Gap)
    assert not isinstance(facts.special, Gap)
    kept = {a.name: bool(a.descriptor) for a in facts.accounts}
    assert kept == {"Administrateur": True, "krbtgt": True, "zoe": False}
    head = next(s for s in facts.special if s.role == "domain_head")
    descriptor = facts.descriptors[head.descriptor]
    assert (descriptor.owner, descriptor.control) == (ADMINS, 0x9004)
    assert descriptor.aces is not None
    assert descriptor.aces[0].trustee == HELPDESK
    dpapi = next(s for s in facts.special if s.role == "dpapi_key")
    assert dpapi.descriptor == "", "shown by name only: its rights are unknown, not absent"
    assert all(s.descriptor in facts.descriptors for s in facts.special if s.descriptor)


def test_hidden_password_policies_are_a_gap(identity: Identity) -> None:
    facts = collected(FakeDirectory(small_directory()), identity)
    assert isinstance(facts.password_settings, Gap)
    assert facts.password_settings.reason is Reason.PERMISSION


def test_readable_password_policies(identity: Identity) -> None:
    base = f"CN=Password Settings Container,{SYSTEM}"
    directory = small_directory() | {
        base: {"objectClass": [b"msDS-PasswordSettingsContainer"]},
        f"CN=PSO-Admins,{base}": {
            "objectClass": [b"top", b"msDS-PasswordSettings"],
            "cn": [b"PSO-Admins"],
            "msDS-MinimumPasswordLength": [b"16"],
            "msDS-PasswordComplexityEnabled": [b"TRUE"],
        },
    }
    facts = collected(FakeDirectory(directory), identity)
    assert not isinstance(facts.password_settings, Gap)
    (pso,) = facts.password_settings
    assert (pso.name, pso.min_length, pso.complexity) == ("PSO-Admins", 16, True)


@pytest.mark.parametrize(
    ("base", "code", "reason", "lost", "kept"),
    [
        (f"CN=Sites,{CONFIGURATION}", 50, Reason.PERMISSION, ["servers", "gpo_links", "special"], ["accounts"]),
        (f"CN=Partitions,{CONFIGURATION}", 51, Reason.UNREACHABLE, ["recycle_bin"], ["accounts", "servers"]),
        (f"CN=Public Key Services,CN=Services,{CONFIGURATION}", 3, Reason.TIMEOUT,
         ["templates", "enrolment_services", "nt_auth", "certificates", "special"], ["accounts", "laps"]),
        (f"CN=Directory Service,CN=Windows NT,CN=Services,{CONFIGURATION}", 32, Reason.PERMISSION,
         ["ds_heuristics"], ["recycle_bin"]),
        (f"CN=DisplaySpecifiers,{CONFIGURATION}", 11, Reason.TIMEOUT, ["display_specifiers"], ["silos"]),
        (f"CN=Schema,{CONFIGURATION}", 50, Reason.PERMISSION, ["laps", "special"], ["accounts"]),
        (f"DC=DomainDnsZones,{DOMAIN}", 10, Reason.UNSUPPORTED, ["dns_zones", "special"], ["gpos"]),
    ],
)  # fmt: skip
def test_a_part_that_fails_is_a_gap_and_the_rest_is_kept(
    identity: Identity, base: str, code: int, reason: Reason, lost: list[str], kept: list[str]
) -> None:
    facts = collected(FakeDirectory(small_directory(), {base: code}), identity)
    for name in lost:
        found = getattr(facts, name)
        assert isinstance(found, Gap), name
        assert found.reason is reason
    assert not any(isinstance(getattr(facts, name), Gap) for name in kept)


def test_every_part_of_an_empty_answer_is_out_of_sight_not_absent(identity: Identity) -> None:
    bare = {name: values for name, values in small_directory().items() if name in {"", DOMAIN}}
    facts = collected(FakeDirectory(bare), identity)
    for name in ("recycle_bin", "ds_heuristics", "templates", "display_specifiers", "laps", "password_settings"):
        assert isinstance(getattr(facts, name), Gap), name


def test_malformed_link_is_a_gap_for_the_links(identity: Identity) -> None:
    directory = small_directory()
    directory[DOMAIN] = {**directory[DOMAIN], "gPLink": [b"[LDAP://CN=x"]}
    facts = collected(FakeDirectory(directory), identity)
    assert isinstance(facts.gpo_links, Gap)
    assert facts.gpo_links.reason is Reason.MALFORMED


def test_stream_that_breaks_is_a_gap_for_the_objects(identity: Identity) -> None:
    class Breaking(FakeDirectory):
        def __call__(self, message_id: int, tag: int, data: bytes) -> bytes:
            if tag == ber.SEARCH_REQUEST and b"servicePrincipalName" in data:
                return wire.entry(message_id, "CN=a", account(1101, "a")) + b"\x30\x84\xff\xff\xff\xff"
            return super().__call__(message_id, tag, data)

    facts = collected(Breaking(small_directory()), identity)
    for name in ("accounts", "groups", "foreign", "certificates", "gpo_links", "special"):
        found = getattr(facts, name)
        assert isinstance(found, Gap), name
        assert found.reason is Reason.MALFORMED
    assert facts.recycle_bin is True
    assert not isinstance(facts.gpos, Gap)


def test_controller_that_takes_one_connection_is_read_in_turn(identity: Identity) -> None:
    class Single(FakeDirectory):
        binds = 0

        def __call__(self, message_id: int, tag: int, data: bytes) -> bytes:
            if tag == ber.BIND_REQUEST:
                self.binds += 1
                if self.binds > 1:
                    return wire.bind_answer(message_id, 51, "busy")
            return super().__call__(message_id, tag, data)

    facts = collected(Single(small_directory()), identity)
    assert facts == collected(FakeDirectory(small_directory()), identity)


def test_refused_account_is_not_tried_on_the_second_connection(identity: Identity) -> None:
    with FakeDc(lambda i, *_: wire.bind_answer(i, 49, "data 52e"), identity) as dc:
        request = CollectRequest(config=configured(dc.port, identity), secret=lambda _: "secret", clock=lambda: NOW)
        with pytest.raises(CollectError) as caught:
            collect(request, OpenNetwork(), lambda *_: None)
    assert caught.value.reason is Reason.REFUSED
    assert len(dc.binds) == 1


def test_directory_without_a_domain_is_an_error(identity: Identity) -> None:
    with pytest.raises(CollectError) as caught:
        collected(FakeDirectory({"": {"namingContexts": [b"DC=x"]}}), identity)
    assert caught.value.reason is Reason.PERMISSION


def test_privileged_reader_is_told(identity: Identity) -> None:
    directory = small_directory()
    root = dict(directory[""])
    root["tokenGroups"] = [wire.parse_sid(ADMINS)]
    assert collected(FakeDirectory(directory | {"": root}), identity).collection.privileged_reader is True
    del root["tokenGroups"]
    assert collected(FakeDirectory(directory | {"": root}), identity).collection.privileged_reader is None


# --- one object


def read_account(**attributes: bytes | list[bytes] | None):
    found = {key.lower(): list(values) for key, values in account(1101, "a").items()}
    for key, value in attributes.items():
        name = key.replace("_", "-").lower()
        if value is None:
            found.pop(name)
        else:
            found[name] = value if isinstance(value, list) else [value]
    return objects.account(Entry("CN=a", found), f"{SID}-1101", DescriptorTable(), UNREADABLE)


def test_hidden_flags_stay_unknown() -> None:
    assert read_account(userAccountControl=None).uac is None
    assert read_account(pwdLastSet=None).pwd_last_set is None
    assert read_account(pwdLastSet=b"0").pwd_last_set == NEVER
    assert read_account(pwdLastSet=b"soon").pwd_last_set is None


def test_last_logon_absent_is_never_only_when_its_neighbours_are_readable() -> None:
    assert read_account().last_logon == NEVER
    # logonCount is not replicated: an account never used on this controller may not have it.
    assert read_account(logonCount=None).last_logon == NEVER
    assert read_account(logonCount=None, userAccountControl=None).last_logon is None
    assert read_account(lastLogonTimestamp=b"132223104000000000").last_logon == 1577836800


@pytest.mark.parametrize(
    ("classes", "uac", "kind"),
    [
        ([b"user"], 512, "user"),
        ([b"user", b"inetOrgPerson"], 512, "user"),
        ([b"user", b"computer"], 4096, "computer"),
        ([b"user", b"computer", b"msDS-GroupManagedServiceAccount"], 4096, "gmsa"),
        ([b"user", b"computer", b"msDS-ManagedServiceAccount"], 4096, "smsa"),
        ([b"user", b"computer", b"msDS-DelegatedManagedServiceAccount"], 4096, "dmsa"),
        ([b"user"], 0x820, "trust"),
    ],
)
def test_kinds_of_accounts(classes: list[bytes], uac: int, kind: str) -> None:
    assert read_account(objectClass=[b"top", *classes], userAccountControl=str(uac).encode()).kind == kind


def test_resource_based_delegation() -> None:
    name = "msDS_AllowedToActOnBehalfOfOtherIdentity"
    descriptor = wire.build_descriptor(ADMINS, [wire.Ace(type=0, flags=0, mask=1, trustee=HELPDESK)])
    assert read_account().rbcd is None
    assert read_account(**{name: descriptor}).rbcd == (HELPDESK,)
    assert read_account(**{name: b"garbage"}).rbcd == ()


def test_placeholder_of_windows_is_no_password() -> None:
    assert read_account(unixUserPassword=b"ABCD!efgh12345$67890").secret_hints == ()


def test_template_shown_by_name_only_is_kept_as_hidden(identity: Identity) -> None:
    directory = small_directory()
    base = f"CN=Public Key Services,CN=Services,{CONFIGURATION}"
    directory[f"CN=Certificate Templates,{base}"] = PLAIN
    directory[f"CN=Serveurs,CN=Certificate Templates,{base}"] = {}
    (template,) = collected(FakeDirectory(directory), identity).templates
    assert (template.name, template.name_flags, template.descriptor) == ("Serveurs", None, "")


def test_store_of_logon_authorities_shown_by_name_only_is_a_gap(identity: Identity) -> None:
    directory = small_directory()
    directory[f"CN=NTAuthCertificates,CN=Public Key Services,CN=Services,{CONFIGURATION}"] = {}
    assert isinstance(collected(FakeDirectory(directory), identity).nt_auth, Gap)


@pytest.mark.parametrize(
    ("dn", "fact"),
    [
        (f"CN=Directory Service,CN=Windows NT,CN=Services,{CONFIGURATION}", "ds_heuristics"),
        (f"CN=ActiveDirectoryUpdate,CN=DomainUpdates,CN=System,{DOMAIN}", "adprep_revision"),
    ],
)
def test_object_shown_by_name_only_is_a_gap(identity: Identity, dn: str, fact: str) -> None:
    assert isinstance(getattr(collected(FakeDirectory(small_directory() | {dn: {}}), identity), fact), Gap)


def test_zones_kept_in_a_partition_the_controller_does_not_hold_are_a_gap(identity: Identity) -> None:
    partition = {"objectClass": [b"top", b"crossRef"], "nCName": [f"DC=ForestDnsZones,{DOMAIN}".encode()]}
    directory = small_directory() | {f"CN=f,CN=Partitions,{CONFIGURATION}": partition}
    zones = collected(FakeDirectory(directory), identity).dns_zones
    assert isinstance(zones, Gap)
    assert "ForestDnsZones" in zones.detail


def test_group_with_a_class_added_to_it_is_still_a_group(identity: Identity) -> None:
    directory = small_directory()
    dn = f"CN=Support,CN=Users,{DOMAIN}"
    directory[dn] = {**directory[dn], "objectClass": [b"top", b"group", b"posixGroup"]}
    assert dn in {found.dn for found in collected(FakeDirectory(directory), identity).groups}


def test_zero_byte_of_a_mandatory_attribute_is_no_certificate(identity: Identity) -> None:
    directory = small_directory()
    dn = f"CN=AC,CN=KRA,CN=Public Key Services,CN=Services,{CONFIGURATION}"
    directory[dn] = {"objectClass": [b"top", b"msPKI-PrivateKeyRecoveryAgent"], "userCertificate": [b"\0"]}
    assert collected(FakeDirectory(directory), identity).certificates == ()


def test_secret_hints_name_attributes_only() -> None:
    found = read_account(description=b"mdp: Zebre77!", info=b"bureau 12", userPassword=b"x", unixUserPassword=[])
    assert found.secret_hints == ("description", "userPassword")
    assert "Zebre77" not in repr(found)


def test_lists_of_a_read_only_controller() -> None:
    revealed = [f"B:2:0{n}:CN=Zoé,DC=x".encode() for n in (1, 2)] + [b"bad"]
    assert read_account(msDS_RevealedUsers=revealed).revealed == ("CN=Zoé,DC=x",)


def test_local_administrator_passwords_keep_the_latest_expiry() -> None:
    found = read_account(
        ms_Mcs_AdmPwdExpirationTime=b"132223104000000000", msLAPS_PasswordExpirationTime=b"132223968000000000"
    )
    assert found.laps_expires == 1577923200
    assert read_account().laps_expires is None


def test_cut_members_are_marked() -> None:
    entry = Entry("CN=g", {"member": [b"CN=a"]}, frozenset({"member"}))
    assert objects.group(entry, f"{SID}-1300", UNREADABLE).members_cut


# --- network questions


@contextmanager
def smb_server(*answers: bytes) -> Iterator[int]:
    """Gives each connection the next answer; an empty one closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(4096)
                if answer:
                    connection.sendall(len(answer).to_bytes(4, "big") + answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with closing(listener):
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (b"", smb2_answer(3, 0x0311), SmbFacts(smb1=False, dialect="3.1.1", signing_required=True)),
        (smb1_answer(0), smb2_answer(1, 0x0210), SmbFacts(smb1=True, dialect="2.1", signing_required=False)),
    ],
)
def test_smb_questions(identity: Identity, first: bytes, second: bytes, expected: SmbFacts) -> None:
    with smb_server(first, second) as port:
        assert probe_smb("dc1.tilleuls.test", configured(port, identity), OpenNetwork()) == expected


def test_smb_parts_fail_apart(identity: Identity) -> None:
    with smb_server(b"HTTP/1.1", smb2_answer(1, 0x0311)) as port:
        found = probe_smb("dc1.tilleuls.test", configured(port, identity), OpenNetwork())
    assert isinstance(found, SmbFacts)
    assert isinstance(found.smb1, Gap)
    assert found.signing_required is False
    with smb_server(smb1_answer(0), b"") as port:
        found = probe_smb("dc1.tilleuls.test", configured(port, identity), OpenNetwork())
    assert isinstance(found, SmbFacts)
    assert found.smb1 is True
    assert isinstance(found.signing_required, Gap)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_closed_smb_port_is_unreachable_not_safe(identity: Identity) -> None:
    found = probe_smb("dc1.tilleuls.test", configured(closed_port(), identity), OpenNetwork())
    assert isinstance(found, Gap)
    assert found.reason is Reason.UNREACHABLE


def test_mandate_refusal_is_a_gap_of_the_question(identity: Identity) -> None:
    network = OpenNetwork(frozenset({"dc2.tilleuls.test"}))
    found = probe_smb("dc2.tilleuls.test", configured(1, identity), network)
    assert isinstance(found, Gap)
    assert found.reason is Reason.REFUSED


def test_ldaps_certificate_that_validates(identity: Identity) -> None:
    with FakeDc(lambda *_: b"", identity) as dc:
        found = probe_ldaps("dc1.tilleuls.test", configured(dc.port, identity), OpenNetwork())
    assert isinstance(found, LdapsFacts)
    assert (found.offered, found.validated, found.pinned, found.error) == (True, True, False, "")
    assert (found.subject, found.key, found.bits) == ("CN=dc1.tilleuls.test", "ec", 256)
    assert found.fingerprint == identity.sha256


def test_ldaps_certificate_that_does_not(identity: Identity) -> None:
    with FakeDc(lambda *_: b"", identity) as dc:
        pinned = configured(dc.port, identity, ca_file="", pin_sha256=(identity.sha256,))
        found = probe_ldaps("dc1.tilleuls.test", pinned, OpenNetwork())
    assert isinstance(found, LdapsFacts)
    assert (found.offered, found.validated, found.pinned) == (True, False, True)
    assert found.error


def test_ldaps_not_offered(identity: Identity) -> None:
    found = probe_ldaps("dc1.tilleuls.test", configured(closed_port(), identity), OpenNetwork())
    assert isinstance(found, LdapsFacts)
    assert not found.offered


@pytest.mark.parametrize(("code", "expected"), [(0, False), (8, True)])
def test_ldap_signing(identity: Identity, code: int, expected: bool) -> None:
    with FakeDc(lambda i, *_: wire.bind_answer(i, code)) as dc:
        config = configured(dc.port, identity)
        assert probe_signing("dc1.tilleuls.test", config, ACCOUNT, OpenNetwork()) is expected
    assert len(dc.binds) == 1


@pytest.mark.parametrize("code", [49, 52])
def test_ldap_signing_without_a_usable_answer(identity: Identity, code: int) -> None:
    with FakeDc(lambda i, *_: wire.bind_answer(i, code)) as dc:
        found = probe_signing("dc1.tilleuls.test", configured(dc.port, identity), ACCOUNT, OpenNetwork())
    assert isinstance(found, Gap)
    assert found.reason is Reason.REFUSED
    assert len(dc.binds) == 1


def test_ldap_signing_needs_an_account(identity: Identity) -> None:
    gap = Gap(reason=Reason.UNSUPPORTED, detail="pas de compte")
    network = OpenNetwork()
    assert probe_signing("dc1.tilleuls.test", configured(1, identity), gap, network) is gap
    assert network.asked == []


# --- SYSVOL


class Folders:
    """A share in memory: folder -> items, path -> bytes."""

    def __init__(self, files: dict[str, bytes | None], refused: frozenset[str] = frozenset()) -> None:
        """A file whose bytes are None is refused."""
        self._files = files
        self._refused = refused
        self.listed: list[str] = []

    def list(self, folder: str) -> list[Item]:
        self.listed.append(folder)
        if folder in self._refused or not any(path.startswith(folder + "\\") for path in self._files):
            raise ShareError("accès refusé")
        names: dict[str, Item] = {}
        for path, data in self._files.items():
            if path.startswith(folder + "\\"):
                name, _, rest = path[len(folder) + 1 :].partition("\\")
                names[name] = Item(name, bool(rest), len(data or b""))
        return list(names.values())

    def read(self, path: str, limit: int) -> bytes:
        data = self._files[path]
        if data is None or len(data) > limit:
            raise ShareError("accès refusé")
        return data


POLICY = "tilleuls.test\\Policies\\{X}"
GPP = b'<Groups><User changed="2019-03-12"><Properties userName="Admin" cpassword="abc"/></User></Groups>'
FOREVER = float("inf")


def test_walk_reads_only_files_that_may_hold_a_password() -> None:
    share = Folders(
        {
            f"{POLICY}\\Machine\\Preferences\\Groups\\Groups.xml": GPP,
            f"{POLICY}\\Machine\\Registry.pol": b"PReg",
            f"{POLICY}\\GPT.INI": b"[General]",
            "tilleuls.test\\Policies\\PolicyDefinitions\\Groups.xml": GPP,
            "tilleuls.test\\scripts\\logon.bat": b"net use",
        }
    )
    found = walk(share, "dc1", "tilleuls.test", FOREVER)
    assert isinstance(found, Sysvol)
    assert (found.files_read, found.files_skipped, len(found.gpp_passwords)) == (1, 0, 1)
    assert not any("PolicyDefinitions" in folder for folder in share.listed)


def test_walk_counts_what_it_could_not_read() -> None:
    share = Folders(
        {
            f"{POLICY}\\Machine\\Preferences\\Groups\\Groups.xml": None,
            f"{POLICY}\\Machine\\Preferences\\Drives\\Drives.xml": b"<!DOCTYPE a><a/>",
            f"{POLICY}\\User\\Preferences\\Drives\\Drives.xml": b" " * (MAX_FILE + 1),
            "tilleuls.test\\Policies\\{Y}\\Machine\\x": b"",
        },
        refused=frozenset({"tilleuls.test\\Policies\\{Y}"}),
    )
    found = walk(share, "dc1", "tilleuls.test", FOREVER)
    assert isinstance(found, Sysvol)
    assert (found.files_read, found.files_skipped) == (0, 4)


def test_walk_of_a_refused_domain_folder_is_a_gap() -> None:
    found = walk(Folders({}), "dc1", "tilleuls.test", FOREVER)
    assert isinstance(found, Gap)
    assert found.reason is Reason.PERMISSION


def test_walk_stops_at_its_deadline_and_says_so() -> None:
    share = Folders({f"{POLICY}\\Machine\\Preferences\\Groups\\Groups.xml": GPP})
    found = walk(share, "dc1", "tilleuls.test", 0.0)
    assert isinstance(found, Sysvol)
    assert (found.files_read, found.files_skipped) == (0, 1)


def test_connection_lost_on_the_way_is_a_gap() -> None:
    class Dying(Folders):
        def list(self, folder: str) -> list[Item]:
            if folder.endswith("{X}"):
                raise ShareError("connexion perdue", gone=True)
            return super().list(folder)

    found = walk(Dying({f"{POLICY}\\Machine\\a": b""}), "dc1", "tilleuls.test", FOREVER)
    assert isinstance(found, Gap)
    assert found.reason is Reason.UNREACHABLE


def test_unreachable_share_is_a_gap(identity: Identity) -> None:
    config = configured(closed_port(), identity, sysvol=True)
    found = sysvol.read_sysvol("dc1.tilleuls.test", "tilleuls.test", config, ACCOUNT, OpenNetwork())
    assert isinstance(found, Gap)
    assert found.reason is Reason.UNREACHABLE


# --- inputs of `check`


def test_recorded_facts_are_read_back(identity: Identity, tmp_path: Path) -> None:
    facts = collected(FakeDirectory(small_directory()), identity)
    bare = tmp_path / "facts.json"
    bare.write_bytes(msgspec.json.encode(facts))
    assert read_input([str(bare)], {}) == facts
    envelope = FactsFile(
        schema=FACTS_SCHEMA, domain="ad", facts_version=1, tool_version="0", started=NOW, finished=NOW,
        data=msgspec.Raw(msgspec.json.encode(facts)),
    )  # fmt: skip
    bare.write_bytes(msgspec.json.encode(envelope))
    assert read_input([str(bare)], {}) == facts


def test_anything_else_is_not_facts(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"users": []}')
    assert read_input([str(other)], {}) is None
    assert read_input([str(tmp_path / "absent.json")], {}) is None
    assert read_input(["ldaps://dc1.tilleuls.test"], {}) is None
    assert read_input([str(other), str(other)], {}) is None


def test_online_addresses() -> None:
    options = {"user": "audit@tilleuls.test", "password_from": "env:X", "pin_sha256": "a" * 64}
    found = online_input(["ldaps://dc1.tilleuls.test", "ldaps://dc2.tilleuls.test:636/"], options)
    assert (found.servers, found.ldaps_port) == (("dc1.tilleuls.test", "dc2.tilleuls.test"), 636)
    assert (found.auth, found.security, found.password_from) == ("simple", "ldaps", "env:X")
    assert found.pin_sha256 == ("a" * 64,)
    clear = online_input(["ldap://dc1.tilleuls.test:1389"], options)
    assert (clear.auth, clear.security, clear.ldap_port) == ("ntlm", "signed", 1389)


@pytest.mark.parametrize(
    ("inputs", "user"),
    [
        (["https://dc1"], "a@b"),
        (["dc1"], "a@b"),
        (["ldaps://dc1", "ldap://dc2"], "a@b"),
        (["ldaps://dc1:636", "ldaps://dc2:1636"], "a@b"),
        (["ldaps://dc1/DC=x"], "a@b"),
        ([], "a@b"),
        (["ldaps://dc1"], ""),
    ],
)
def test_online_addresses_that_are_refused(inputs: list[str], user: str) -> None:
    with pytest.raises(ValueError, match=r"[Dd]onnez|n'est pas"):
        online_input(inputs, {"user": user})
