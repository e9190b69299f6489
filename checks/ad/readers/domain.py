"""The domain partition: identity and policy of the domain, then every object in one streamed pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from checks.ad.facts import (
    Account,
    Certificate,
    DnsZone,
    DomainPolicy,
    ForeignPrincipal,
    Gpo,
    GpoLink,
    Group,
    PasswordSettings,
    SpecialObject,
    SpecialRole,
    SysvolReplication,
    Trust,
)
from checks.ad.parsers import values
from checks.ad.parsers.gplink import MalformedLink, parse_gplink
from checks.ad.parsers.values import MalformedValue
from checks.ad.readers import attributes as a
from checks.ad.readers import objects
from checks.ad.readers.attributes import Attributes
from checks.ad.readers.descriptors import DescriptorTable, Protection
from checks.ad.readers.gaps import READ_ERRORS, gap_of, hidden
from checks.ad.transport import ber
from checks.ad.transport.ber import Query
from checks.ad.transport.directory import NO_SUCH_OBJECT, Directory, Entry, LdapResultError
from checks.common.text import clean
from checks.model import Gap, Progress, Reason

ROOT_ATTRIBUTES = (
    "defaultNamingContext",
    "configurationNamingContext",
    "schemaNamingContext",
    "namingContexts",
    "dnsHostName",
    "currentTime",
    "tokenGroups",
)


class Root(NamedTuple):
    """What the controller says of itself (rootDSE)."""

    domain_dn: str
    configuration_dn: str
    schema_dn: str
    contexts: tuple[str, ...]
    dc_time: int | None
    clock_skew: float | None
    """Controller clock minus ours, seconds."""
    reader_sids: frozenset[str]
    """The reading account and its groups; empty when the controller does not say."""


def read_root(directory: Directory, clock: Callable[[], datetime], base_dn: str = "") -> Root:
    """Read rootDSE. Raises `READ_ERRORS`, and `LdapResultError` when it announces no domain."""
    before = clock()
    entry = directory.read("", ROOT_ATTRIBUTES)
    after = clock()
    found = entry.attributes if entry else {}
    dc_time = a.moment(found, "currenttime")
    ours = (before.timestamp() + after.timestamp()) / 2
    domain = base_dn or a.name(found, "defaultnamingcontext")
    if not domain:
        raise LdapResultError(NO_SUCH_OBJECT, "no defaultNamingContext")
    return Root(
        domain_dn=domain,
        configuration_dn=a.name(found, "configurationnamingcontext"),
        schema_dn=a.name(found, "schemanamingcontext"),
        contexts=a.names(found, "namingcontexts"),
        dc_time=dc_time,
        # The controller's time is cut to the second: add half of one on average.
        clock_skew=None if dc_time is None else round(dc_time + 0.5 - ours, 1),
        reader_sids=frozenset(a.sids(found, "tokengroups")),
    )


HEAD_ATTRIBUTES = (
    "objectSid",
    "msDS-Behavior-Version",
    "wellKnownObjects",
    "minPwdLength",
    "pwdProperties",
    "pwdHistoryLength",
    "maxPwdAge",
    "minPwdAge",
    "lockoutThreshold",
    "lockoutDuration",
    "lockOutObservationWindow",
    "ms-DS-MachineAccountQuota",
    "msDS-ExpirePasswordsOnSmartCardOnlyAccounts",
)
_DEFAULT_QUOTA = 10
_WELL_KNOWN: dict[str, SpecialRole] = {
    "aa312825768811d1aded00c04fd8d5cd": "computers_container",
    "a9d1ca15768811d1aded00c04fd8d5cd": "users_container",
    "a361b2ffffd211d1aa4b00c04fd7d83a": "domain_controllers_ou",
    "ab1d30f3768811d1aded00c04fd8d5cd": "system_container",
}
"""GUIDs of wellKnownObjects (MS-ADTS 6.1.1.4): names of containers may be changed, these may not."""


def policy(head: Attributes) -> DomainPolicy:
    """Password policy and defaults on the domain head."""
    quota = a.integer(head, "ms-ds-machineaccountquota")
    rollover = a.boolean(head, "msds-expirepasswordsonsmartcardonlyaccounts")
    return DomainPolicy(
        min_length=a.integer(head, "minpwdlength"),
        properties=a.flags(head, "pwdproperties"),
        history=a.integer(head, "pwdhistorylength"),
        max_age=a.interval(head, "maxpwdage"),
        min_age=a.interval(head, "minpwdage"),
        lockout_threshold=a.integer(head, "lockoutthreshold"),
        lockout_duration=a.interval(head, "lockoutduration"),
        lockout_window=a.interval(head, "lockoutobservationwindow"),
        machine_account_quota=_DEFAULT_QUOTA if quota is None else quota,
        smartcard_rollover=bool(rollover),
    )


def well_known(head: Attributes, domain_dn: str) -> dict[str, SpecialRole]:
    """Roles of containers by case-folded DN, from wellKnownObjects of the domain head."""
    roles: dict[str, SpecialRole] = {}
    for raw in head.get("wellknownobjects", ()):
        try:
            guid, dn = values.dn_binary(raw)
        except MalformedValue:
            continue
        role = _WELL_KNOWN.get(guid.hex())
        if role:
            roles[dn.casefold()] = role
    system = next((dn for dn, role in roles.items() if role == "system_container"), "")
    system = system or f"cn=system,{domain_dn.casefold()}"
    return roles | {
        domain_dn.casefold(): "domain_head",
        f"cn=adminsdholder,{system}": "adminsdholder",
        f"cn=microsoftdns,{system}": "microsoft_dns",
    }


DOMAIN_ATTRIBUTES = tuple(
    dict.fromkeys(
        (
            *objects.ACCOUNT_ATTRIBUTES,
            "member",
            "groupType",
            "gPLink",
            "cACertificate",
        )
    )
)
"""Everything the one pass over the domain asks for."""

_CLASS_ROLES: dict[bytes, SpecialRole] = {b"organizationalUnit": "ou"}
_FRS_SYSVOL = 2
_PROGRESS_EVERY = 1000


class DomainPass:
    """What the pass over the domain partition gathers, entry by entry."""

    def __init__(self, roles: dict[str, SpecialRole], table: DescriptorTable) -> None:
        self._roles = roles
        self._table = table
        self.accounts: list[Account] = []
        self.groups: list[Group] = []
        self.foreign: list[ForeignPrincipal] = []
        self.links: list[GpoLink] = []
        self.bad_links: list[str] = []
        self.special: list[SpecialObject] = []
        self.certificates: list[Certificate] = []
        self.keys: dict[str, str] = {}
        """Descriptor key of each account and group, by SID."""
        self._handlers: dict[bytes, Callable[[Entry, Protection], None]] = {
            b"group": self._group,
            b"foreignSecurityPrincipal": self._foreign,
        }

    def add(self, entry: Entry) -> None:
        """File one object. Objects nobody asks questions about are only counted by the caller."""
        found = entry.attributes
        classes = found.get("objectclass", ())
        protection = self._table.of(found)
        structural = classes[-1] if classes else b""
        handler = self._handlers.get(structural)
        if handler is not None:
            handler(entry, protection)
        elif b"user" in classes:
            self._account(entry, protection)
        elif b"group" in classes:
            # A class added to the object may come after the structural one.
            self._group(entry, protection)
        self._mark(entry, protection, structural)
        if "gplink" in found:
            add_links(entry, self.links, self.bad_links)
        if "usercertificate" in found or "cacertificate" in found:
            self.certificates += certificates(entry)

    def _account(self, entry: Entry, protection: Protection) -> None:
        sid = a.sid(entry.attributes, "objectsid")
        if sid:
            self.accounts.append(objects.account(entry, sid, self._table, protection))
            self.keys[sid] = protection.key

    def _group(self, entry: Entry, protection: Protection) -> None:
        sid = a.sid(entry.attributes, "objectsid")
        if sid:
            self.groups.append(objects.group(entry, sid, protection))
            self.keys[sid] = protection.key

    def _foreign(self, entry: Entry, _: Protection) -> None:
        sid = a.sid(entry.attributes, "objectsid")
        if sid:
            self.foreign.append(ForeignPrincipal(dn=entry.dn, sid=sid))

    def _mark(self, entry: Entry, protection: Protection, structural: bytes) -> None:
        name = entry.dn.casefold()
        role = self._roles.get(name) or _CLASS_ROLES.get(structural)
        if role is None and structural.startswith(b"msDFSR-"):
            role = "dfsr_settings"
        elif role is None and name.startswith("cn=bckupkey_"):
            # By name, since these keys are shown to ordinary accounts without any attribute.
            role = "dpapi_key"
        if role is not None:
            self.special.append(special(role, entry, protection))


def special(role: SpecialRole, entry: Entry, protection: Protection) -> SpecialObject:
    """An object whose access rights matter."""
    return SpecialObject(
        role=role,
        dn=entry.dn,
        created=a.moment(entry.attributes, "whencreated"),
        owner=protection.owner,
        descriptor=protection.key,
    )


def zone(entry: Entry, partition: str) -> DnsZone:
    """A DNS zone; `partition` is one of the literals of `DnsZone`."""
    name = values.split_dn(entry.dn)[0].partition("=")[2]
    allow: int | Gap | None
    if "dnsproperty" not in entry.attributes:
        allow = hidden(f"les propriétés de la zone DNS {clean(name, 200)}")
    else:
        try:
            allow = values.zone_allow_update(entry.attributes["dnsproperty"])
        except MalformedValue:
            allow = Gap(
                reason=Reason.MALFORMED,
                detail=f"Les propriétés de la zone DNS {clean(name, 200)} ne suivent pas le format attendu.",
            )
    return DnsZone(dn=entry.dn, name=clean(name, 300), partition=partition, allow_update=allow)  # type: ignore[arg-type]


def add_links(entry: Entry, links: list[GpoLink], bad: list[str]) -> None:
    """Add the policy links of a container; its name goes to `bad` when they cannot be read."""
    try:
        links += parse_gplink(a.name(entry.attributes, "gplink"), entry.dn)
    except MalformedLink:
        bad.append(entry.dn)


def links_or_gap(links: list[GpoLink], bad: list[str]) -> tuple[GpoLink, ...] | Gap:
    """The links, unless those of some container could not be read."""
    if not bad:
        return tuple(links)
    detail = f"Les liens de stratégies de {clean(bad[0], 200)} ne suivent pas le format attendu."
    return Gap(reason=Reason.MALFORMED, detail=detail)


def certificates(entry: Entry, *, trust_container: bool = False) -> list[Certificate]:
    """Facts of every certificate an object holds."""
    # Imported at the first certificate: while the directory is streamed, the time it takes costs nothing.
    from checks.ad.parsers.certificates import read_certificate

    found = entry.attributes
    return [
        read_certificate(
            raw,
            entry.dn,
            written,
            holder_sid=a.sid(found, "objectsid"),
            trust_container=trust_container,
        )
        for written in ("userCertificate", "cACertificate")
        for raw in found.get(written.lower(), ())
        # A mandatory attribute without a certificate yet (CN=KRA) is filled with a zero byte.
        if raw.strip(b"\0")
    ]


def read_domain(
    directory: Directory,
    domain_dn: str,
    roles: dict[str, SpecialRole],
    table: DescriptorTable,
    progress: Progress,
) -> DomainPass | Gap:
    """Stream the whole domain partition once."""
    gathered = DomainPass(roles, table)
    query = Query(base=domain_dn, attributes=DOMAIN_ATTRIBUTES, descriptors=True)
    count = 0
    try:
        for entry in directory.search(query):
            gathered.add(entry)
            count += 1
            if count % _PROGRESS_EVERY == 0:
                progress("Lecture des objets de l'annuaire", count)
    except READ_ERRORS as error:
        return gap_of(error, "les objets du domaine")
    progress("Lecture des objets de l'annuaire", count, count)
    return gathered


def read_trusts(directory: Directory, domain_dn: str) -> tuple[Trust, ...] | Gap:
    """Trusted domains."""
    query = Query(
        base=f"CN=System,{domain_dn}",
        attributes=("objectClass", *objects.TRUST_ATTRIBUTES),
        scope=ber.ONE_LEVEL,
        filter=ber.equals("objectClass", "trustedDomain"),
    )
    try:
        return tuple(
            objects.trust(entry) for entry in directory.search(query) if a.has_class(entry.attributes, "trustedDomain")
        )
    except READ_ERRORS as error:
        return gap_of(error, "les relations d'approbation")


def read_gpos(directory: Directory, domain_dn: str, table: DescriptorTable) -> tuple[Gpo, ...] | Gap:
    """Group policies; a gap when none is shown, since every domain is born with two."""
    what = "les stratégies de groupe"
    query = Query(
        base=f"CN=Policies,CN=System,{domain_dn}",
        attributes=("objectClass", *objects.GPO_ATTRIBUTES),
        scope=ber.ONE_LEVEL,
        descriptors=True,
    )
    try:
        gpos = tuple(
            objects.gpo(entry, table.of(entry.attributes))
            for entry in directory.search(query)
            if a.has_class(entry.attributes, "groupPolicyContainer")
        )
    except READ_ERRORS as error:
        return gap_of(error, what)
    return gpos or hidden(what)


def read_replication(directory: Directory, domain_dn: str) -> SysvolReplication | Gap:
    """How SYSVOL is replicated. Neither container existing is an answer too."""
    what = "la réplication de SYSVOL"
    sets = Query(
        base=f"CN=File Replication Service,CN=System,{domain_dn}",
        attributes=("objectClass", "fRSReplicaSetType"),
        filter=ber.equals("objectClass", "nTFRSReplicaSet"),
    )
    try:
        dfsr = directory.read(f"CN=DFSR-GlobalSettings,CN=System,{domain_dn}", ("objectClass", "msDFSR-Flags"))
        found = _unless_absent(directory, sets)
    except READ_ERRORS as error:
        return gap_of(error, what)
    if dfsr is not None and "objectclass" not in dfsr.attributes:
        return hidden(what)
    return SysvolReplication(
        ntfrs_sets=tuple(e.dn for e in found if a.integer(e.attributes, "frsreplicasettype") == _FRS_SYSVOL),
        dfsr_settings=dfsr is not None,
        dfsr_flags=a.flags(dfsr.attributes, "msdfsr-flags") if dfsr else None,
    )


def read_system_zones(directory: Directory, domain_dn: str) -> tuple[DnsZone, ...] | Gap:
    """DNS zones kept in the domain partition itself, as before Windows Server 2003."""
    query = Query(
        base=f"CN=MicrosoftDNS,CN=System,{domain_dn}",
        attributes=("objectClass", "dNSProperty"),
        filter=ber.equals("objectClass", "dnsZone"),
    )
    try:
        found = _unless_absent(directory, query)
    except READ_ERRORS as error:
        return gap_of(error, "les zones DNS du domaine")
    return tuple(zone(entry, "system") for entry in found if a.has_class(entry.attributes, "dnsZone"))


def _unless_absent(directory: Directory, query: Query) -> list[Entry]:
    """Entries of `query`; none when its base does not exist. Raises as `Directory.search`."""
    try:
        return list(directory.search(query))
    except LdapResultError as error:
        if error.code == NO_SUCH_OBJECT:
            return []
        raise


def read_password_settings(directory: Directory, domain_dn: str) -> tuple[PasswordSettings, ...] | Gap:
    """Fine-grained password policies; a gap when their container is hidden, as it is from ordinary accounts."""
    what = "les stratégies de mot de passe affinées"
    base = f"CN=Password Settings Container,CN=System,{domain_dn}"
    query = Query(base=base, attributes=("objectClass", *objects.PSO_ATTRIBUTES))
    try:
        entries = list(directory.search(query))
    except READ_ERRORS as error:
        return gap_of(error, what)
    # Shown by name but without its class: the account may list the parent, not read the container.
    if not entries or any("objectclass" not in entry.attributes for entry in entries):
        return hidden(what)
    return tuple(
        objects.password_settings(entry) for entry in entries if a.has_class(entry.attributes, "msDS-PasswordSettings")
    )


def read_adprep(directory: Directory, domain_dn: str) -> int | Gap | None:
    """Revision of CN=ActiveDirectoryUpdate; None when the object does not exist."""
    what = "la révision de préparation du domaine"
    base = f"CN=ActiveDirectoryUpdate,CN=DomainUpdates,CN=System,{domain_dn}"
    try:
        entry = directory.read(base, ("objectClass", "revision"))
    except READ_ERRORS as error:
        return gap_of(error, what)
    if entry is None:
        return None
    # Shown by name without its class: the revision may only be unseen.
    return a.integer(entry.attributes, "revision") if "objectclass" in entry.attributes else hidden(what)
