"""The configuration, schema and DNS partitions: forest settings, sites, PKI, silos, menus, zones."""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.ad.facts import (
    Certificate,
    DisplaySpecifier,
    DnsZone,
    EnrolmentService,
    GpoLink,
    LapsSchema,
    ServerObject,
    Silo,
    SpecialObject,
    SpecialRole,
    Template,
)
from checks.ad.parsers import values
from checks.ad.readers import attributes as a
from checks.ad.readers import domain
from checks.ad.readers.descriptors import DescriptorTable, Protection
from checks.ad.readers.gaps import READ_ERRORS, gap_of, hidden
from checks.ad.transport import ber
from checks.ad.transport.ber import Query
from checks.ad.transport.directory import NO_SUCH_OBJECT, Directory, Entry, LdapResultError
from checks.common.text import clean
from checks.model import Gap

_WINDOWS_DOMAIN = 0x3
"""FLAG_CR_NTDS_NC | FLAG_CR_NTDS_DOMAIN in systemFlags of a crossRef (MS-ADTS 2.2.10)."""
_CLASS_IDENTIFIER = re.compile(r"\s*\d+\s*,\s*\{[0-9A-Fa-f-]{36}\}\s*")


class Forest(NamedTuple):
    """CN=Partitions of the configuration."""

    level: int | None
    recycle_bin: bool
    domains: int
    netbios: dict[str, str]
    """NetBIOS name by case-folded DN of the domain."""
    partitions: frozenset[str]
    """Case-folded DNs of all partitions of the forest."""


def read_forest(directory: Directory, configuration_dn: str) -> Forest | Gap:
    """Functional level of the forest, optional features and domains."""
    query = Query(
        base=f"CN=Partitions,{configuration_dn}",
        attributes=(
            "objectClass",
            "msDS-Behavior-Version",
            "msDS-EnabledFeature",
            "nCName",
            "nETBIOSName",
            "systemFlags",
        ),
    )
    try:
        entries = list(directory.search(query))
    except READ_ERRORS as error:
        return gap_of(error, "les partitions de la forêt")
    head = next((e for e in entries if a.has_class(e.attributes, "crossRefContainer")), None)
    if head is None:
        return hidden("les partitions de la forêt")
    features = a.names(head.attributes, "msds-enabledfeature")
    domains = [
        e.attributes
        for e in entries
        if (a.flags(e.attributes, "systemflags") or 0) & _WINDOWS_DOMAIN == _WINDOWS_DOMAIN
    ]
    return Forest(
        level=a.integer(head.attributes, "msds-behavior-version"),
        recycle_bin=any(name.casefold().startswith("cn=recycle bin feature,") for name in features),
        domains=max(1, len(domains)),
        netbios={a.name(d, "ncname").casefold(): a.text(d, "netbiosname") for d in domains},
        partitions=frozenset(a.name(e.attributes, "ncname").casefold() for e in entries) - {""},
    )


def read_ds_heuristics(directory: Directory, configuration_dn: str) -> str | Gap:
    """The dSHeuristics of the forest; empty when the attribute is absent."""
    what = "les réglages dSHeuristics"
    base = f"CN=Directory Service,CN=Windows NT,CN=Services,{configuration_dn}"
    try:
        entry = directory.read(base, ("objectClass", "dSHeuristics"))
    except READ_ERRORS as error:
        return gap_of(error, what)
    # Shown by name without its class: an attribute that is not there may only be unseen.
    if entry is None or "objectclass" not in entry.attributes:
        return hidden(what)
    return a.text(entry.attributes, "dsheuristics")


class Sites(NamedTuple):
    """CN=Sites: controllers as replication sees them, and policies linked to sites."""

    servers: tuple[ServerObject, ...]
    special: list[SpecialObject]
    links: list[GpoLink]
    bad_links: list[str]


def read_sites(directory: Directory, configuration_dn: str, table: DescriptorTable) -> Sites | Gap:
    """Server objects with their NTDS Settings, sites with their rights and links."""
    query = Query(
        base=f"CN=Sites,{configuration_dn}",
        attributes=(
            "objectClass",
            "whenCreated",
            "cn",
            "dNSHostName",
            "serverReference",
            "msDS-Behavior-Version",
            "gPLink",
        ),
        filter=ber.any_of(ber.equals("objectClass", name) for name in ("site", "server", "nTDSDSA")),
        descriptors=True,
    )
    servers: dict[str, Entry] = {}
    settings: dict[str, Entry] = {}
    found = Sites((), [], [], [])
    try:
        for entry in directory.search(query):
            if a.has_class(entry.attributes, "server"):
                servers[entry.dn.casefold()] = entry
            elif a.has_class(entry.attributes, "nTDSDSA"):
                settings[entry.dn.casefold()] = entry
            elif a.has_class(entry.attributes, "site"):
                found.special.append(domain.special("site", entry, table.of(entry.attributes)))
                domain.add_links(entry, found.links, found.bad_links)
    except READ_ERRORS as error:
        return gap_of(error, "les sites de la forêt")
    listed = (_server(entry, settings.get(f"cn=ntds settings,{key}")) for key, entry in servers.items())
    return found._replace(servers=tuple(listed))


def _server(entry: Entry, settings: Entry | None) -> ServerObject:
    read_only = settings is not None and a.has_class(settings.attributes, "nTDSDSARO")
    return ServerObject(
        dn=entry.dn,
        name=a.text(entry.attributes, "cn"),
        dns_name=a.text(entry.attributes, "dnshostname"),
        computer_dn=a.name(entry.attributes, "serverreference"),
        settings="" if settings is None else "nTDSDSARO" if read_only else "nTDSDSA",
        behavior_version=a.integer(settings.attributes, "msds-behavior-version") if settings else None,
    )


class Pki(NamedTuple):
    """CN=Public Key Services."""

    templates: tuple[Template, ...]
    services: tuple[EnrolmentService, ...]
    nt_auth: tuple[str, ...]
    certificates: list[Certificate]
    special: list[SpecialObject]


_PKI_ATTRIBUTES = (
    "objectClass",
    "cn",
    "displayName",
    "whenCreated",
    "dNSHostName",
    "certificateTemplates",
    "cACertificate",
    "userCertificate",
    "pKIExtendedKeyUsage",
    "msPKI-Certificate-Application-Policy",
    "msPKI-Certificate-Name-Flag",
    "msPKI-Enrollment-Flag",
    "msPKI-RA-Signature",
    "msPKI-Template-Schema-Version",
)
_PKI_CLASSES = ("container", "certificationAuthority", "cRLDistributionPoint", "msPKI-Enterprise-Oid")


def read_pki(directory: Directory, configuration_dn: str, table: DescriptorTable) -> Pki | Gap:
    """Templates, certification authorities, trusted certificates, and rights on their containers."""
    what = "les objets de l'autorité de certification"
    base = f"CN=Public Key Services,CN=Services,{configuration_dn}"
    found = Pki((), (), (), [], [])
    templates: list[Template] = []
    services: list[EnrolmentService] = []
    nt_auth: list[str] = []
    seen = 0
    try:
        for entry in directory.search(Query(base=base, attributes=_PKI_ATTRIBUTES, descriptors=True)):
            seen += 1
            protection = table.of(entry.attributes)
            certificates = domain.certificates(entry, trust_container=True)
            found.certificates.extend(certificates)
            digests = tuple(c.sha256 for c in certificates if c.attribute == "cACertificate")
            if a.has_class(entry.attributes, "pKICertificateTemplate"):
                templates.append(_template(entry, protection))
            elif a.has_class(entry.attributes, "pKIEnrollmentService"):
                services.append(_service(entry, protection, digests))
            elif any(a.has_class(entry.attributes, name) for name in _PKI_CLASSES):
                found.special.append(domain.special("pki_container", entry, protection))
            elif "objectclass" not in entry.attributes:
                templates += _hidden_template(entry.dn)
            if entry.dn.casefold() == f"cn=ntauthcertificates,{base}".casefold() and not entry.attributes:
                return hidden("les certificats de confiance pour l'ouverture de session (NTAuth)")
            if entry.dn.casefold().startswith("cn=ntauthcertificates,"):
                nt_auth += digests
    except READ_ERRORS as error:
        return gap_of(error, what)
    if not seen:
        return hidden(what)
    return found._replace(templates=tuple(templates), services=tuple(services), nt_auth=tuple(nt_auth))


def _template(entry: Entry, protection: Protection) -> Template:
    found = entry.attributes
    return Template(
        dn=entry.dn,
        name=a.text(found, "cn"),
        display_name=a.text(found, "displayname"),
        schema_version=a.integer(found, "mspki-template-schema-version") or 1,
        name_flags=a.flags(found, "mspki-certificate-name-flag") or 0,
        enrollment_flags=a.flags(found, "mspki-enrollment-flag") or 0,
        ra_signatures=a.integer(found, "mspki-ra-signature") or 0,
        ekus=a.texts(found, "pkiextendedkeyusage"),
        application_policies=a.texts(found, "mspki-certificate-application-policy"),
        created=a.moment(found, "whencreated"),
        owner=protection.owner,
        descriptor=protection.key,
    )


def _hidden_template(dn: str) -> list[Template]:
    """A template shown by name only: administrators often keep everybody but its users from reading it."""
    relative, *above = values.split_dn(dn)
    if not above or above[0].casefold() != "cn=certificate templates":
        return []
    return [Template(dn=dn, name=clean(relative.partition("=")[2], 300), name_flags=None)]


def _service(entry: Entry, protection: Protection, digests: tuple[str, ...]) -> EnrolmentService:
    found = entry.attributes
    return EnrolmentService(
        dn=entry.dn,
        name=a.text(found, "cn"),
        dns_name=a.text(found, "dnshostname"),
        templates=a.texts(found, "certificatetemplates"),
        certificates=digests,
        owner=protection.owner,
        descriptor=protection.key,
    )


def read_silos(directory: Directory, configuration_dn: str) -> tuple[Silo, ...] | Gap:
    """Authentication policy silos; none when the forest is older than Windows Server 2012 R2."""
    query = Query(
        base=f"CN=AuthN Silos,CN=AuthN Policy Configuration,CN=Services,{configuration_dn}",
        attributes=("objectClass", "cn", "msDS-AuthNPolicySiloEnforced", "msDS-AuthNPolicySiloMembers"),
    )
    try:
        entries = list(directory.search(query))
    except LdapResultError as error:
        if error.code == NO_SUCH_OBJECT:
            return ()
        return gap_of(error, "les silos d'authentification")
    except READ_ERRORS as error:
        return gap_of(error, "les silos d'authentification")
    return tuple(
        Silo(
            dn=entry.dn,
            name=a.text(entry.attributes, "cn"),
            enforced=bool(a.boolean(entry.attributes, "msds-authnpolicysiloenforced")),
            members=a.names(entry.attributes, "msds-authnpolicysilomembers"),
        )
        for entry in entries
        if a.has_class(entry.attributes, "msDS-AuthNPolicySilo")
    )


_MENUS = ("adminContextMenu", "contextMenu", "shellContextMenu")


def read_display_specifiers(directory: Directory, configuration_dn: str) -> tuple[DisplaySpecifier, ...] | Gap:
    """Menu entries of the administration consoles that run something else than a registered component."""
    what = "les menus des consoles d'administration"
    base = f"CN=DisplaySpecifiers,{configuration_dn}"
    # A registered component is `order,{identifier}`; anything else is `order,text,command`. Of more than a thousand
    # objects, only those are worth sending.
    query = Query(
        base=base,
        attributes=_MENUS,
        filter=ber.any_of(ber.contains(menu, parts) for menu in _MENUS for parts in ((",", ","), ("\\\\",))),
    )
    kept: list[DisplaySpecifier] = []
    try:
        container = directory.read(base, ("objectClass",))
        for entry in directory.search(query):
            entries = _menu_entries(entry)
            if entries:
                kept.append(DisplaySpecifier(dn=entry.dn, entries=entries))
    except READ_ERRORS as error:
        return gap_of(error, what)
    return tuple(kept) if container is not None and container.attributes else hidden(what)


def _menu_entries(entry: Entry) -> tuple[str, ...]:
    return tuple(
        clean(f"{menu}: {value}")
        for menu in _MENUS
        for value in a.texts(entry.attributes, menu.lower())
        if not _CLASS_IDENTIFIER.fullmatch(value)
    )


def read_head(directory: Directory, dn: str, role: SpecialRole, table: DescriptorTable) -> SpecialObject | Gap:
    """The head of a partition, for its rights."""
    return _one_special(directory, dn, role, table, f"la racine de la partition {clean(dn, 200)}")


def _one_special(
    directory: Directory, dn: str, role: SpecialRole, table: DescriptorTable, what: str
) -> SpecialObject | Gap:
    try:
        entry = directory.read(dn, ("objectClass", "whenCreated"), descriptors=True)
    except READ_ERRORS as error:
        return gap_of(error, what)
    return hidden(what) if entry is None else domain.special(role, entry, table.of(entry.attributes))


def read_specials(
    directory: Directory, query: Query, role: SpecialRole, table: DescriptorTable, what: str
) -> list[SpecialObject] | Gap:
    """Objects found by `query`, its base left out, for their rights; none when the base does not exist."""
    full = query._replace(attributes=("objectClass", "whenCreated"), descriptors=True)
    base = query.base.casefold()
    try:
        return [
            domain.special(role, entry, table.of(entry.attributes))
            for entry in directory.search(full)
            if entry.dn.casefold() != base
        ]
    except LdapResultError as error:
        return [] if error.code == NO_SUCH_OBJECT else gap_of(error, what)
    except READ_ERRORS as error:
        return gap_of(error, what)


class Schema(NamedTuple):
    """What the schema says."""

    version: int | None
    laps: LapsSchema


def read_schema(directory: Directory, schema_dn: str) -> Schema | Gap:
    """Version of the schema, and which LAPS attributes it has."""
    what = "le schéma de l'annuaire"
    names = ("ms-Mcs-AdmPwd", "msLAPS-Password")
    query = Query(
        base=schema_dn,
        attributes=("lDAPDisplayName",),
        scope=ber.ONE_LEVEL,
        filter=ber.any_of(ber.equals("lDAPDisplayName", name) for name in names),
    )
    try:
        head = directory.read(schema_dn, ("objectClass", "objectVersion"))
        known = {a.text(entry.attributes, "ldapdisplayname").casefold() for entry in directory.search(query)}
    except READ_ERRORS as error:
        return gap_of(error, what)
    if head is None:
        return hidden(what)
    return Schema(
        version=a.integer(head.attributes, "objectversion"),
        laps=LapsSchema(legacy=names[0].casefold() in known, windows=names[1].casefold() in known),
    )


class DnsPartition(NamedTuple):
    """One partition that may hold DNS zones."""

    zones: list[DnsZone]
    special: list[SpecialObject]


def read_dns_partition(directory: Directory, dn: str, partition: str, table: DescriptorTable) -> DnsPartition | Gap:
    """Zones of one application partition, and the rights on their container."""
    query = Query(
        base=dn,
        attributes=("objectClass", "whenCreated", "dNSProperty"),
        filter=ber.any_of(
            (
                ber.equals("objectClass", "dnsZone"),
                ber.all_of((ber.equals("objectClass", "container"), ber.equals("cn", "MicrosoftDNS"))),
            )
        ),
        descriptors=True,
    )
    found = DnsPartition([], [])
    try:
        for entry in directory.search(query):
            if a.has_class(entry.attributes, "dnsZone"):
                found.zones.append(domain.zone(entry, partition))
            else:
                found.special.append(domain.special("microsoft_dns", entry, table.of(entry.attributes)))
    except READ_ERRORS as error:
        return gap_of(error, f"les zones DNS de {clean(dn, 200)}")
    return found
