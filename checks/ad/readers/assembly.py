"""Reads the parts of one directory and puts the facts together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from checks.ad import windows
from checks.ad.directory import Directory as Index
from checks.ad.directory import is_controller
from checks.ad.facts import (
    Account,
    AdFacts,
    Certificate,
    Collection,
    Descriptor,
    DisplaySpecifier,
    DnsZone,
    DomainIdentity,
    Gpo,
    GpoLink,
    Group,
    PasswordSettings,
    Silo,
    SpecialObject,
    SpecialRole,
    SysvolReplication,
    Trust,
)
from checks.ad.parsers import values
from checks.ad.readers import attributes as a
from checks.ad.readers import configuration as conf
from checks.ad.readers import domain
from checks.ad.readers.configuration import Forest, Pki, Schema, Sites
from checks.ad.readers.descriptors import DescriptorTable
from checks.ad.readers.domain import DomainPass, Root
from checks.ad.readers.gaps import READ_ERRORS, gap_of
from checks.ad.transport import ber
from checks.ad.transport.ber import Query
from checks.ad.transport.directory import Directory
from checks.common.text import clean
from checks.model import CollectError, Gap, Progress, Reason

T = TypeVar("T")
R = TypeVar("R")

_DNS_ADMINS = "dnsadmins"
_HEADS: dict[str, SpecialRole] = {"domain": "domain_dns_head", "forest": "forest_dns_head"}


class ForestReading(NamedTuple):
    """What lies outside the stream of domain objects, each part possibly a gap."""

    forest: Forest | Gap
    sites: Sites | Gap
    pki: Pki | Gap
    schema: Schema | Gap
    ds_heuristics: str | Gap
    silos: tuple[Silo, ...] | Gap
    menus: tuple[DisplaySpecifier, ...] | Gap
    password_settings: tuple[PasswordSettings, ...] | Gap
    adprep: int | Gap | None
    trusts: tuple[Trust, ...] | Gap
    gpos: tuple[Gpo, ...] | Gap
    replication: SysvolReplication | Gap
    zones: tuple[DnsZone, ...] | Gap
    special: tuple[SpecialObject, ...] | Gap
    """Those outside the domain partition and CN=Sites."""
    table: DescriptorTable
    entries: int
    referrals: int


def read_forest_parts(directory: Directory, root: Root) -> ForestReading:
    """Configuration, schema and DNS partitions, and the small containers of the domain. Never raises."""
    configuration = root.configuration_dn
    table = DescriptorTable()
    entries, referrals = directory.entries, directory.referrals
    zones, dns_special = _dns(directory, root, table)
    reading = ForestReading(
        forest=conf.read_forest(directory, configuration),
        sites=conf.read_sites(directory, configuration, table),
        pki=conf.read_pki(directory, configuration, table),
        schema=conf.read_schema(directory, root.schema_dn),
        ds_heuristics=conf.read_ds_heuristics(directory, configuration),
        silos=conf.read_silos(directory, configuration),
        menus=conf.read_display_specifiers(directory, configuration),
        password_settings=domain.read_password_settings(directory, root.domain_dn),
        adprep=domain.read_adprep(directory, root.domain_dn),
        trusts=domain.read_trusts(directory, root.domain_dn),
        gpos=domain.read_gpos(directory, root.domain_dn, table),
        replication=domain.read_replication(directory, root.domain_dn),
        zones=_merged([domain.read_system_zones(directory, root.domain_dn), zones], lambda found: found),
        special=_merged([dns_special, _rights(directory, root, table)], lambda found: found),
        table=table,
        entries=0,
        referrals=0,
    )
    return reading._replace(entries=directory.entries - entries, referrals=directory.referrals - referrals)


class DomainReading(NamedTuple):
    """The head of the domain and every object below it."""

    head: a.Attributes
    objects: DomainPass | Gap
    table: DescriptorTable
    entries: int
    referrals: int


def read_domain_parts(directory: Directory, root: Root, progress: Progress) -> DomainReading:
    """The domain partition.

    Raises `CollectError` when the head of the domain cannot be read: nothing can be judged without it.
    """
    head = _domain_head(directory, root)
    table = DescriptorTable()
    roles = domain.well_known(head, root.domain_dn)
    objects = domain.read_domain(directory, root.domain_dn, roles, table, progress)
    return DomainReading(head, objects, table, directory.entries, directory.referrals)


def assemble(root: Root, read: DomainReading, forest: ForestReading, collection: Collection) -> AdFacts:
    """Everything LDAP said, as facts; SYSVOL and network are left for the caller."""
    objects, pki = read.objects, forest.pki
    facts = AdFacts(
        domain=_identity(root, read, forest),
        collection=msgspec.structs.replace(
            collection,
            objects=read.entries + forest.entries,
            descriptors_unreadable=read.table.unreadable + forest.table.unreadable,
            referrals=read.referrals + forest.referrals,
            partitions=root.contexts,
        ),
        accounts=_from(objects, lambda found: tuple(found.accounts)),
        groups=_from(objects, lambda found: tuple(found.groups)),
        foreign=_from(objects, lambda found: tuple(found.foreign)),
        policy=domain.policy(read.head),
        password_settings=forest.password_settings,
        silos=forest.silos,
        ds_heuristics=forest.ds_heuristics,
        adprep_revision=forest.adprep,
        recycle_bin=_from(forest.forest, lambda found: found.recycle_bin),
        sysvol_replication=forest.replication,
        laps=_from(forest.schema, lambda found: found.laps),
        servers=_from(forest.sites, lambda found: found.servers),
        trusts=forest.trusts,
        gpos=forest.gpos,
        gpo_links=_links(objects, forest.sites),
        display_specifiers=forest.menus,
        dns_zones=_merged([forest.zones, _absent_partition(root, forest.forest)], lambda zones: zones),
        templates=_from(pki, lambda found: found.templates),
        enrolment_services=_from(pki, lambda found: found.services),
        nt_auth=_from(pki, lambda found: found.nt_auth),
        certificates=_certificates(objects, pki),
        special=_special(objects, forest),
        sysvol=_NOT_YET,
        network=(),
    )
    return _with_descriptors(facts, objects, root, (read.table, forest.table))


_NOT_YET = Gap(reason=Reason.NOT_CONFIGURED, detail="SYSVOL n'a pas été lu.")


def _domain_head(directory: Directory, root: Root) -> a.Attributes:
    what = "la racine du domaine"
    try:
        entry = directory.read(root.domain_dn, domain.HEAD_ATTRIBUTES)
    except READ_ERRORS as error:
        gap = gap_of(error, what)
        raise CollectError(gap.reason, gap.detail) from error
    if entry is None or not a.sid(entry.attributes, "objectsid"):
        raise CollectError(
            Reason.PERMISSION, f"Le compte de lecture ne voit pas {what} ({clean(root.domain_dn, 200)})."
        )
    return entry.attributes


def _from(found: T | Gap, take: Callable[[T], R]) -> R | Gap:
    """A part of what was read, or why it was not."""
    return found if isinstance(found, Gap) else take(found)


def _merged(parts: Iterable[T | Gap], take: Callable[[T], Iterable[R]]) -> tuple[R, ...] | Gap:
    """What all parts hold together; a gap as soon as one is missing, since absence would then prove nothing."""
    joined: list[R] = []
    for part in parts:
        if isinstance(part, Gap):
            return part
        joined.extend(take(part))
    return tuple(joined)


def _identity(root: Root, read: DomainReading, reading: ForestReading) -> DomainIdentity:
    forest, schema = reading.forest, reading.schema
    return DomainIdentity(
        dns_name=values.dns_name_of(root.domain_dn),
        sid=a.sid(read.head, "objectsid"),
        dn=root.domain_dn,
        netbios="" if isinstance(forest, Gap) else forest.netbios.get(root.domain_dn.casefold(), ""),
        configuration_dn=root.configuration_dn,
        schema_dn=root.schema_dn,
        domain_level=a.integer(read.head, "msds-behavior-version"),
        forest_level=None if isinstance(forest, Gap) else forest.level,
        schema_version=None if isinstance(schema, Gap) else schema.version,
        domains_in_forest=1 if isinstance(forest, Gap) else forest.domains,
        dc_time=root.dc_time,
        clock_skew=root.clock_skew,
    )


def _dns(
    directory: Directory, root: Root, table: DescriptorTable
) -> tuple[tuple[DnsZone, ...] | Gap, tuple[SpecialObject, ...] | Gap]:
    """Zones of the application partitions, and the rights on those partitions."""
    own = {root.domain_dn.casefold(), root.configuration_dn.casefold(), root.schema_dn.casefold()}
    parts: list[conf.DnsPartition | Gap] = []
    heads: list[SpecialObject | Gap] = []
    for dn in root.contexts:
        if dn.casefold() in own:
            continue
        name = dn.casefold().partition(",")[0]
        partition = {"dc=domaindnszones": "domain", "dc=forestdnszones": "forest"}.get(name, "other")
        parts.append(conf.read_dns_partition(directory, dn, partition, table))
        if partition in _HEADS:
            heads.append(conf.read_head(directory, dn, _HEADS[partition], table))
    zones = _merged(parts, lambda part: part.zones)
    containers = _merged(parts, lambda part: part.special)
    return zones, _merged([containers, _merged(heads, lambda head: [head])], lambda found: found)


def _absent_partition(root: Root, forest: Forest | Gap) -> tuple[DnsZone, ...] | Gap:
    """A gap when the forest keeps DNS zones in a partition that this controller does not hold."""
    if isinstance(forest, Gap):
        return ()
    top = root.configuration_dn.partition(",")[2]
    wanted = (f"DC=DomainDnsZones,{root.domain_dn}", f"DC=ForestDnsZones,{top}")
    held = {dn.casefold() for dn in root.contexts}
    for dn in wanted:
        if dn.casefold() in forest.partitions and dn.casefold() not in held:
            detail = f"Le contrôleur lu n'est pas serveur DNS : il ne tient pas la partition {clean(dn, 200)}."
            return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    return ()


def _rights(directory: Directory, root: Root, table: DescriptorTable) -> tuple[SpecialObject, ...] | Gap:
    """Objects of the configuration and schema partitions whose rights matter."""
    heads = [
        conf.read_head(directory, root.configuration_dn, "configuration_head", table),
        conf.read_head(directory, root.schema_dn, "schema_head", table),
    ]
    keys = f"CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,{root.configuration_dn}"
    classes = Query(root.schema_dn, (), scope=ber.ONE_LEVEL, filter=ber.equals("objectClass", "classSchema"))
    below = [
        # No filter on the class: these keys are shown to ordinary accounts without any attribute.
        conf.read_specials(directory, Query(keys, ()), "kds_root_key", table, "les clés des comptes gérés"),
        conf.read_specials(directory, classes, "schema_class", table, "les classes du schéma"),
    ]
    return _merged([_merged(heads, lambda head: [head]), _merged(below, lambda found: found)], lambda found: found)


def _links(objects: DomainPass | Gap, sites: Sites | Gap) -> tuple[GpoLink, ...] | Gap:
    parts = [
        _from(objects, lambda found: domain.links_or_gap(found.links, found.bad_links)),
        _from(sites, lambda found: domain.links_or_gap(found.links, found.bad_links)),
    ]
    return _merged(parts, lambda found: found)


def _certificates(objects: DomainPass | Gap, pki: Pki | Gap) -> tuple[Certificate, ...] | Gap:
    parts = [
        _from(objects, lambda found: found.certificates),
        _from(pki, lambda found: found.certificates),
    ]
    return _merged(parts, lambda found: found)


def _special(objects: DomainPass | Gap, forest: ForestReading) -> tuple[SpecialObject, ...] | Gap:
    parts: list[list[SpecialObject] | tuple[SpecialObject, ...] | Gap] = [
        _from(objects, lambda found: found.special),
        _from(forest.sites, lambda found: found.special),
        _from(forest.pki, lambda found: found.special),
        forest.special,
    ]
    return _merged(parts, lambda found: found)


def _with_descriptors(
    facts: AdFacts, objects: DomainPass | Gap, root: Root, tables: Sequence[DescriptorTable]
) -> AdFacts:
    """Keep the access rights of what administers the domain, and only those."""
    keys: dict[str, str] = {} if isinstance(objects, Gap) else objects.keys
    index = Index(facts)
    wanted = _administering(index)
    kept = _kept(tables, (keys[sid] for sid in wanted if sid in keys))
    # Principals named in those rights may themselves be judged: their own rights are kept too, one step far.
    wanted |= _trustees(kept.values())
    accounts, groups = facts.accounts, facts.groups
    if not isinstance(accounts, Gap):
        accounts = tuple(_marked_account(item, keys, wanted) for item in accounts)
    if not isinstance(groups, Gap):
        groups = tuple(_marked_group(item, keys, wanted) for item in groups)
    reader = root.reader_sids
    collection = msgspec.structs.replace(
        facts.collection, privileged_reader=bool(reader & index.privileged_sids) if reader else None
    )
    facts = msgspec.structs.replace(facts, accounts=accounts, groups=groups, collection=collection)
    return msgspec.structs.replace(facts, descriptors=_kept(tables, _keys_in_use(facts)))


def _kept(tables: Sequence[DescriptorTable], keys: Iterable[str]) -> dict[str, Descriptor]:
    """The descriptors of `keys`, wherever they were met."""
    wanted = set(keys)
    return {key: found for table in tables for key, found in table.kept(wanted).items()}


def _administering(index: Index) -> set[str]:
    """SIDs of privileged accounts and groups, controllers, krbtgt, DnsAdmins, and what SDProp marked."""
    accounts = {
        item.sid
        for item in index.accounts.items
        if is_controller(item)
        or item.admin_count == 1
        or item.sid == index.sid(windows.KRBTGT)
        or item.krbtgt_number is not None
    }
    groups = {item.sid for item in index.groups.items if item.admin_count == 1 or item.name.casefold() == _DNS_ADMINS}
    return accounts | groups | index.privileged_sids


def _trustees(descriptors: Iterable[Descriptor]) -> set[str]:
    return {ace.trustee for descriptor in descriptors for ace in descriptor.aces or ()}


def _marked_account(item: Account, keys: dict[str, str], wanted: set[str]) -> Account:
    return msgspec.structs.replace(item, descriptor=keys[item.sid]) if item.sid in wanted else item


def _marked_group(item: Group, keys: dict[str, str], wanted: set[str]) -> Group:
    return msgspec.structs.replace(item, descriptor=keys[item.sid]) if item.sid in wanted else item


def _keys_in_use(facts: AdFacts) -> list[str]:
    parts = (
        facts.accounts,
        facts.groups,
        facts.special,
        facts.gpos,
        facts.templates,
        facts.enrolment_services,
    )
    return [item.descriptor for part in parts if not isinstance(part, Gap) for item in part]
