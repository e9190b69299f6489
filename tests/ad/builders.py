"""A small healthy directory, and ways to change one thing in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from checks.ad import windows
from checks.ad.facts import (
    NEVER,
    Account,
    Ace,
    AdFacts,
    Certificate,
    Collection,
    DcNetwork,
    Descriptor,
    DnsZone,
    DomainIdentity,
    DomainPolicy,
    EnrolmentService,
    ForeignPrincipal,
    Gpo,
    GpoLink,
    Group,
    LapsSchema,
    LdapsFacts,
    PasswordSettings,
    ServerObject,
    Silo,
    SmbFacts,
    SpecialObject,
    Sysvol,
    SysvolReplication,
    Template,
    Trust,
)
from checks.catalogue import Catalogue, load_catalogue
from checks.model import Affected, Context, Gap, Judgement, Reason

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONTEXT = Context(now=NOW)
DAY = 86_400
DN = "DC=tilleuls,DC=test"
SID = "S-1-5-21-101-202-303"
GAP = Gap(reason=Reason.TIMEOUT, detail="Le contrôleur n'a pas répondu à temps.")
HIDDEN = Gap(reason=Reason.PERMISSION, detail="Lecture refusée.")

FULL_CONTROL = 0xF01FF
READ = 0x20094
ENROL = "0e10c968-78fb-11d2-90d4-00c04f79dc55"
MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"
AES_ONLY = 0x18

NORMAL = 0x200
MACHINE = 0x1000
CONTROLLER = 0x82000


def ago(days: float, seconds: float = 0) -> int:
    """Return the moment that many days and seconds before the collection."""
    return int(NOW.timestamp() - days * DAY - seconds)


def sid(rid: int) -> str:
    return f"{SID}-{rid}"


def user(rid: int, name: str, **fields: Any) -> Account:
    base: dict[str, Any] = {
        "sid": sid(rid),
        "dn": f"CN={name},OU=Personnel,{DN}",
        "name": name,
        "uac": NORMAL,
        "pwd_last_set": ago(60),
        "last_logon": ago(12),
        "logon_count": 40,
        "created": ago(900),
        "expires": NEVER,
        "primary_group": 513,
        "owner": sid(512),
    }
    return Account(**base | fields)


def computer(rid: int, name: str, **fields: Any) -> Account:
    base: dict[str, Any] = {
        "dn": f"CN={name.rstrip('$')},OU=Machines,{DN}",
        "kind": "computer",
        "uac": MACHINE,
        "primary_group": 515,
        "pwd_last_set": ago(20),
        "os": "Windows 11 Professionnel",
        "os_version": "10.0 (26200)",
        "dns_name": f"{name.rstrip('$').lower()}.tilleuls.test",
        "enctypes": 0x1C,
        "laps_expires": ago(-20),
    }
    return user(rid, name, **base | fields)


def controller(rid: int, name: str, **fields: Any) -> Account:
    short = name.rstrip("$")
    base: dict[str, Any] = {
        "dn": f"CN={short},OU=Domain Controllers,{DN}",
        "uac": CONTROLLER,
        "primary_group": 516,
        "os": "Windows Server 2022 Standard",
        "os_version": "10.0 (20348)",
        "enctypes": AES_ONLY,
        "spns": (f"ldap/{short.lower()}.tilleuls.test", f"HOST/{short}"),
        "descriptor": "sound",
    }
    return computer(rid, name, **base | fields)


def group(rid: int, name: str, members: tuple[str, ...] = (), **fields: Any) -> Group:
    base: dict[str, Any] = {
        "sid": sid(rid),
        "dn": f"CN={name},CN=Users,{DN}",
        "name": name,
        "members": members,
        "created": ago(900),
        "owner": sid(512),
    }
    return Group(**base | fields)


def builtin(rid: int, name: str, members: tuple[str, ...] = ()) -> Group:
    return group(rid, name, members, sid=f"S-1-5-32-{rid}", dn=f"CN={name},CN=Builtin,{DN}")


ADMIN_FLAGS = NORMAL | windows.NOT_DELEGATED
ADMIN = f"CN=adm.rossi,OU=Personnel,{DN}"
BUILTIN_ADMIN = f"CN=Administrateur,OU=Personnel,{DN}"
SILO_DN = f"CN=Admins,CN=AuthN Silos,CN=AuthN Policy Configuration,CN=Services,CN=Configuration,{DN}"
DNS_ADMINS = f"CN=DnsAdmins,CN=Users,{DN}"
FOREIGN = f"CN=ForeignSecurityPrincipals,{DN}"


def accounts() -> tuple[Account, ...]:
    return (
        user(500, "Administrateur", uac=ADMIN_FLAGS, admin_count=1, descriptor="sound"),
        user(501, "Invité", uac=NORMAL | 0x22, primary_group=514, pwd_last_set=NEVER, last_logon=NEVER),
        user(502, "krbtgt", uac=NORMAL | 0x2, spns=("kadmin/changepw",), pwd_last_set=ago(100)),
        user(1101, "adm.rossi", uac=ADMIN_FLAGS, admin_count=1, silo=SILO_DN, descriptor="sound"),
        user(1102, "m.durand"),
        user(1103, "svc-dossier", spns=("http/dui.tilleuls.test",), enctypes=AES_ONLY),
        user(1104, "svc-paie", kind="gmsa", uac=MACHINE, primary_group=515, enctypes=0x1C, spns=("http/paie",)),
        controller(1000, "DC1$"),
        controller(1001, "DC2$"),
        computer(1201, "SRV-DUI$", os="Windows Server 2022 Standard", os_version="10.0 (20348)"),
        computer(1202, "PC-SOINS-01$"),
        user(1401, "SIEGE$", kind="trust", uac=windows.INTERDOMAIN_TRUST | windows.PASSWORD_NOT_REQUIRED),
    )


def groups() -> tuple[Group, ...]:
    admins = f"CN=Admins du domaine,CN=Users,{DN}"
    return (
        builtin(544, "Administrateurs", (admins, BUILTIN_ADMIN)),
        builtin(548, "Opérateurs de compte"),
        builtin(549, "Opérateurs de serveur"),
        builtin(550, "Opérateurs d’impression"),
        builtin(551, "Opérateurs de sauvegarde"),
        builtin(554, "Accès compatible pré-Windows 2000", (f"CN=S-1-5-11,{FOREIGN}",)),
        group(512, "Admins du domaine", (ADMIN, BUILTIN_ADMIN), admin_count=1),
        group(513, "Utilisateurs du domaine"),
        group(515, "Ordinateurs du domaine"),
        group(516, "Contrôleurs de domaine"),
        group(518, "Administrateurs du schéma"),
        group(519, "Administrateurs de l’entreprise"),
        group(525, "Protected Users", (ADMIN,)),
        group(526, "Administrateurs clés"),
        group(527, "Administrateurs clés Enterprise"),
        group(1110, "DnsAdmins", dn=DNS_ADMINS, descriptor="sound"),
        group(1111, "Infirmiers", (f"CN=m.durand,OU=Personnel,{DN}",)),
    )


def certificate(**fields: Any) -> Certificate:
    base: dict[str, Any] = {
        "holder": f"CN=AC Tilleuls,CN=AIA,CN=Public Key Services,CN=Services,CN=Configuration,{DN}",
        "attribute": "cACertificate",
        "sha256": "aa" * 32,
        "trust_container": True,
        "subject": "CN=AC Tilleuls",
        "key": "rsa",
        "bits": 4096,
        "exponent": 65537,
        "signature_hash": "sha256",
        "not_after": ago(-1000),
    }
    return Certificate(**base | fields)


def ace(trustee: str, mask: int, object_type: str = "", type_: int = 0, flags: int = 0) -> Ace:
    return Ace(type=type_, flags=flags, mask=mask, trustee=trustee, object_type=object_type)


def descriptors() -> dict[str, Descriptor]:
    """`sound`: administrators control, everyone reads. `enrol`: administrators enrol."""
    reading = ace(windows.AUTHENTICATED_USERS, READ)
    sound = (ace(sid(512), FULL_CONTROL), ace("S-1-5-18", FULL_CONTROL), reading)
    return {
        "sound": Descriptor(owner=sid(512), aces=sound),
        "enrol": Descriptor(owner=sid(519), aces=(ace(sid(512), 0x100, ENROL, 5), reading)),
    }


def network(host: str = "dc1.tilleuls.test", **fields: Any) -> DcNetwork:
    base: dict[str, Any] = {
        "smb": SmbFacts(smb1=False, dialect="3.1.1", signing_required=True),
        "ldap_signing_required": True,
        "ldaps": LdapsFacts(offered=True, validated=True, fingerprint="bb" * 32, not_after=ago(-300)),
    }
    return DcNetwork(host=host, **base | fields)


def server(name: str, **fields: Any) -> ServerObject:
    base: dict[str, Any] = {
        "dn": f"CN={name},CN=Servers,CN=Site,CN=Sites,CN=Configuration,{DN}",
        "name": name,
        "computer_dn": f"CN={name},OU=Domain Controllers,{DN}",
        "settings": "nTDSDSA",
        "behavior_version": 7,
    }
    return ServerObject(**base | fields)


def zone(name: str, **fields: Any) -> DnsZone:
    base: dict[str, Any] = {"partition": "domain", "allow_update": 2}
    return DnsZone(dn=f"DC={name},CN=MicrosoftDNS,DC=DomainDnsZones,{DN}", name=name, **base | fields)


def trust(name: str = "siege.test", **fields: Any) -> Trust:
    base: dict[str, Any] = {
        "dn": f"CN={name},CN=System,{DN}",
        "name": name,
        "flat_name": name.partition(".")[0].upper(),
        "sid": "S-1-5-21-9-9-9",
        "direction": 3,
        "type": 2,
        "attributes": windows.QUARANTINED,
    }
    return Trust(**base | fields)


def template(**fields: Any) -> Template:
    base: dict[str, Any] = {
        "dn": f"CN=Session,CN=Certificate Templates,CN=Public Key Services,CN=Services,CN=Configuration,{DN}",
        "name": "Session",
        "schema_version": 2,
        "ekus": ("1.3.6.1.5.5.7.3.2",),
        "descriptor": "enrol",
    }
    return Template(**base | fields)


def pso(**fields: Any) -> PasswordSettings:
    base: dict[str, Any] = {
        "dn": f"CN=Services,CN=Password Settings Container,CN=System,{DN}",
        "name": "Services",
        "min_length": 40,
        "max_age": 365 * DAY,
        "changed": ago(200),
    }
    return PasswordSettings(**base | fields)


def healthy() -> AdFacts:
    """Return a directory where no control fails."""
    policy_dn = f"CN={{31B2F340-016D-11D2-945F-00C04FB984F9}},CN=Policies,CN=System,{DN}"
    return AdFacts(
        domain=DomainIdentity(
            dns_name="tilleuls.test",
            netbios="TILLEULS",
            sid=SID,
            dn=DN,
            configuration_dn=f"CN=Configuration,{DN}",
            schema_dn=f"CN=Schema,CN=Configuration,{DN}",
            domain_level=7,
            forest_level=7,
            schema_version=88,
        ),
        collection=Collection(server="dc1.tilleuls.test", user="audit@tilleuls.test", objects=60),
        accounts=accounts(),
        groups=groups(),
        foreign=(ForeignPrincipal(dn=f"CN=S-1-5-11,{FOREIGN}", sid=windows.AUTHENTICATED_USERS),),
        policy=DomainPolicy(
            min_length=12,
            properties=1,
            history=24,
            max_age=365 * DAY,
            min_age=DAY,
            lockout_threshold=10,
            lockout_duration=900,
            lockout_window=900,
            machine_account_quota=0,
            smartcard_rollover=True,
        ),
        password_settings=(pso(),),
        silos=(Silo(dn=SILO_DN, name="Admins", enforced=True, members=(ADMIN,)),),
        ds_heuristics="0000000001000000000200000001130",
        adprep_revision=16,
        recycle_bin=True,
        sysvol_replication=SysvolReplication(dfsr_settings=True, dfsr_flags=48),
        laps=LapsSchema(legacy=False, windows=True),
        servers=(server("DC1"), server("DC2")),
        trusts=(
            trust(),
            trust("groupe.test", attributes=windows.FOREST_TRANSITIVE, direction=3),
        ),
        gpos=(Gpo(dn=policy_dn, guid="31b2f340-016d-11d2-945f-00c04fb984f9", name="Domaine"),),
        gpo_links=(GpoLink(container=DN, gpo=policy_dn),),
        display_specifiers=(),
        dns_zones=(zone("tilleuls.test"), zone("_msdcs.tilleuls.test", partition="forest"), zone("camera.lan")),
        templates=(template(),),
        enrolment_services=(
            EnrolmentService(
                dn=f"CN=AC Tilleuls,CN=Enrollment Services,CN=Configuration,{DN}",
                name="AC Tilleuls",
                templates=("Session",),
                certificates=("aa" * 32,),
            ),
        ),
        nt_auth=("aa" * 32,),
        certificates=(certificate(),),
        special=(SpecialObject(role="adminsdholder", dn=f"CN=AdminSDHolder,CN=System,{DN}"),),
        sysvol=Sysvol(server="dc1.tilleuls.test", files_read=12),
        network=(network(),),
        descriptors=descriptors(),
    )


def put(facts: AdFacts, **fields: Any) -> AdFacts:
    """Replace whole groups of facts."""
    return msgspec.structs.replace(facts, **fields)


def edit(name: str, **fields: Any) -> AdFacts:
    """Return the healthy directory with one account or group changed."""
    facts = healthy()
    assert not isinstance(facts.accounts, Gap)
    assert not isinstance(facts.groups, Gap)

    def changed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(msgspec.structs.replace(item, **fields) if item.name == name else item for item in items)

    names = [item.name for item in (*facts.accounts, *facts.groups)]
    assert names.count(name) == 1, name
    return put(facts, accounts=changed(facts.accounts), groups=changed(facts.groups))


def add(*objects: Account | Group) -> AdFacts:
    """Return the healthy directory with accounts and groups more."""
    facts = healthy()
    assert not isinstance(facts.accounts, Gap)
    assert not isinstance(facts.groups, Gap)
    return put(
        facts,
        accounts=facts.accounts + tuple(o for o in objects if isinstance(o, Account)),
        groups=facts.groups + tuple(o for o in objects if isinstance(o, Group)),
    )


def without(*names: str) -> AdFacts:
    """Return the healthy directory without some accounts or groups."""
    facts = healthy()
    assert not isinstance(facts.accounts, Gap)
    assert not isinstance(facts.groups, Gap)
    return put(
        facts,
        accounts=tuple(a for a in facts.accounts if a.name not in names),
        groups=tuple(g for g in facts.groups if g.name not in names),
    )


def policy(**fields: Any) -> AdFacts:
    """Return the healthy directory with another domain policy."""
    facts = healthy()
    return put(facts, policy=msgspec.structs.replace(facts.policy, **fields))


def domain(**fields: Any) -> AdFacts:
    """Return the healthy directory with another identity."""
    facts = healthy()
    return put(facts, domain=msgspec.structs.replace(facts.domain, **fields))


CATALOGUE: Catalogue = load_catalogue(["checks.ad"])


def judge(control_id: str, facts: AdFacts) -> list[Judgement]:
    """Judge facts with one control."""
    control = CATALOGUE.control(control_id)
    assert control is not None, control_id
    result = CATALOGUE.domains["ad"].control_function(control)(facts, CONTEXT)
    return result if isinstance(result, list) else [result]


def one(control_id: str, facts: AdFacts) -> Judgement:
    """Judge facts with a control that has a single subject."""
    (judgement,) = judge(control_id, facts)
    return judgement


def labels(judgement: Judgement) -> set[str]:
    """Return the names a judgement points at."""
    return {item.label for item in judgement.affected}


def affected(judgement: Judgement, label: str) -> Affected:
    """Return the object of that name a judgement points at."""
    return next(item for item in judgement.affected if item.label == label)
