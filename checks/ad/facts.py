"""Facts of the Active Directory domain: one domain, as one account could read it.

Conventions shared by the collector and the controls:

* Times are Unix seconds (UTC), durations are seconds. `NEVER` (0) is the directory's own "never" or "not
  set";
  `None` means that the value could not be read.
* A group of facts that can fail on its own is `... | Gap`. An empty tuple means "read, and there is none".
* Security identifiers and GUIDs are in text form (`S-1-5-21-…`, lower-case GUID). Names are only labels.
* No secret is ever kept: where one was seen, only its place is (attribute name, file path).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from checks.model import Gap, Record

NEVER = 0
"""In a time: never happened, never expires, or must be changed at the next logon (pwdLastSet)."""

AccountKind = Literal["user", "computer", "gmsa", "smsa", "dmsa", "trust"]

SpecialRole = Literal[
    "domain_head",
    "configuration_head",
    "schema_head",
    "domain_dns_head",
    "forest_dns_head",
    "adminsdholder",
    "system_container",
    "users_container",
    "computers_container",
    "domain_controllers_ou",
    "ou",
    "site",
    "pki_container",
    "microsoft_dns",
    "dfsr_settings",
    "dpapi_key",
    "kds_root_key",
    "schema_class",
]


class Ace(Record, gc=False, array_like=True, frozen=True, kw_only=True):
    """One access control entry, in the order it is stored."""

    type: int
    """ACE_HEADER AceType: 0 allow, 1 deny, 5 allow object, 6 deny object, 9 and 11 their conditional
    forms."""
    flags: int
    """AceFlags: 0x2 container inherit, 0x8 inherit only, 0x10 inherited."""
    mask: int
    trustee: str
    """SID the entry is for."""
    object_type: str = ""
    """GUID of the right, property, property set or child class; empty when the entry has none."""
    inherited_type: str = ""
    """GUID of the class the entry is inherited by; empty when the entry has none."""


class Descriptor(Record, gc=False, frozen=True, kw_only=True):
    """A security descriptor without its audit part.

    `aces` is None for a NULL list, which lets everyone in.
    """

    owner: str
    control: int = 0
    """SECURITY_DESCRIPTOR control bits; 0x1000 is SE_DACL_PROTECTED."""
    aces: tuple[Ace, ...] | None = ()


class Account(Record, gc=False, frozen=True, kw_only=True):
    """A user, computer, managed service account or trust account.

    `uac` is None when the directory returned the object without its userAccountControl: its restrictions
    are hidden from the reading account and nothing can be said about it.
    """

    sid: str
    dn: str
    name: str
    """sAMAccountName."""
    kind: AccountKind = "user"
    uac: int | None = None
    """userAccountControl, unsigned."""
    pwd_last_set: int | None = None
    """`NEVER` when 0 in the directory; None when absent (every account has one, so absent means hidden)."""
    last_logon: int | None = None
    """lastLogonTimestamp, replicated with up to 14 days of delay. `NEVER` when absent while logonCount or
    userAccountControl, shown by the same rights, is readable."""
    logon_count: int | None = None
    """logonCount of the controller that was read."""
    created: int | None = None
    expires: int | None = None
    """accountExpires; `NEVER` for 0 and 0x7FFFFFFFFFFFFFFF."""
    primary_group: int | None = None
    """primaryGroupID, a RID."""
    spns: tuple[str, ...] = ()
    delegate_to: tuple[str, ...] = ()
    """msDS-AllowedToDelegateTo."""
    rbcd: tuple[str, ...] | None = None
    """SIDs allowed by msDS-AllowedToActOnBehalfOfOtherIdentity; None when absent, () when set but empty or
    undecodable."""
    enctypes: int | None = None
    """msDS-SupportedEncryptionTypes; None when absent."""
    admin_count: int | None = None
    """None when absent."""
    sid_history: tuple[str, ...] = ()
    os: str = ""
    os_version: str = ""
    dns_name: str = ""
    script_path: str = ""
    key_credentials: int = 0
    """How many msDS-KeyCredentialLink values."""
    laps_expires: int | None = None
    """Latest of ms-Mcs-AdmPwdExpirationTime and msLAPS-PasswordExpirationTime; None when neither is
    readable."""
    resultant_pso: str = ""
    """msDS-ResultantPSO, a DN; empty when the domain policy applies."""
    silo: str = ""
    """msDS-AssignedAuthNPolicySilo, a DN."""
    krbtgt_number: int | None = None
    """msDS-SecondaryKrbTgtNumber: this account is the krbtgt of a read-only controller."""
    krbtgt_link: str = ""
    """msDS-KrbTgtLink of a read-only controller, a DN."""
    reveal_on_demand: tuple[str, ...] = ()
    """msDS-RevealOnDemandGroup of a read-only controller, DNs."""
    never_reveal: tuple[str, ...] = ()
    """msDS-NeverRevealGroup of a read-only controller, DNs."""
    revealed: tuple[str, ...] = ()
    """msDS-RevealedUsers of a read-only controller, DNs without repetition."""
    secret_hints: tuple[str, ...] = ()
    """Names of the attributes whose text looks like a password. Never the text."""
    owner: str = ""
    """Owner SID; empty when the security descriptor could not be read."""
    descriptor: str = ""
    """Key in `AdFacts.descriptors`; only kept for privileged accounts and domain controllers."""


class Group(Record, gc=False, frozen=True, kw_only=True):
    """A security or distribution group of the domain (built-in groups included)."""

    sid: str
    dn: str
    name: str
    members: tuple[str, ...] = ()
    """DNs of `member`, all ranges joined. Members by primaryGroupID are not in it."""
    members_cut: bool = False
    """The list of members could not be read to its end."""
    group_type: int = 0
    created: int | None = None
    admin_count: int | None = None
    sid_history: tuple[str, ...] = ()
    owner: str = ""
    descriptor: str = ""
    """As in `Account`; kept for privileged groups, DnsAdmins and the groups that hold rights."""


class ForeignPrincipal(Record, gc=False, frozen=True, kw_only=True):
    """A foreignSecurityPrincipal: stands in groups for a SID of another domain or a well-known SID."""

    dn: str
    sid: str


class SpecialObject(Record, gc=False, frozen=True, kw_only=True):
    """An object whose access rights matter: a partition head, AdminSDHolder, a PKI container, a unit."""

    role: SpecialRole
    dn: str
    created: int | None = None
    owner: str = ""
    descriptor: str = ""
    """Empty when the descriptor could not be read."""


class DomainIdentity(Record, frozen=True, kw_only=True):
    """What the controller says of itself and of its domain (rootDSE, domain head, CN=Partitions)."""

    dns_name: str
    sid: str
    dn: str
    netbios: str = ""
    configuration_dn: str = ""
    schema_dn: str = ""
    domain_level: int | None = None
    """msDS-Behavior-Version of the domain head: 4 is 2008 R2, 6 is 2012 R2, 7 is 2016, 10 is 2025."""
    forest_level: int | None = None
    """msDS-Behavior-Version of CN=Partitions."""
    schema_version: int | None = None
    """objectVersion of the schema head."""
    domains_in_forest: int = 1
    """crossRef objects that are Windows domains."""
    dc_time: int | None = None
    """currentTime of rootDSE."""
    clock_skew: float | None = None
    """Controller clock minus ours, seconds."""


class Collection(Record, frozen=True, kw_only=True):
    """How the reading went: who read, how much, and what stayed out of sight."""

    server: str = ""
    """Controller that was read, as configured."""
    user: str = ""
    privileged_reader: bool | None = None
    """The reading account is itself a privileged member; None when that is not known."""
    objects: int = 0
    descriptors_unreadable: int = 0
    """Objects returned without nTSecurityDescriptor."""
    referrals: int = 0
    partitions: tuple[str, ...] = ()
    """Naming contexts that were read."""


class DomainPolicy(Record, tag="policy", tag_field="kind", frozen=True, kw_only=True):
    """Attributes of the domain head. None: not readable. Durations in seconds; 0 means never or none."""

    min_length: int | None = None
    """minPwdLength, characters."""
    properties: int | None = None
    """pwdProperties: 0x1 complexity, 0x10 reversible storage."""
    history: int | None = None
    """pwdHistoryLength."""
    max_age: int | None = None
    """maxPwdAge; 0 when passwords never expire."""
    min_age: int | None = None
    lockout_threshold: int | None = None
    """0: accounts are never locked."""
    lockout_duration: int | None = None
    """0: until an administrator unlocks."""
    lockout_window: int | None = None
    machine_account_quota: int | None = None
    """ms-DS-MachineAccountQuota; the directory uses 10 when absent, the collector does the same."""
    smartcard_rollover: bool | None = None
    """msDS-ExpirePasswordsOnSmartCardOnlyAccounts; absent is False."""


class PasswordSettings(Record, gc=False, frozen=True, kw_only=True):
    """A fine-grained password policy (msDS-PasswordSettings). Durations as in `DomainPolicy`."""

    dn: str
    name: str
    precedence: int | None = None
    min_length: int | None = None
    max_age: int | None = None
    history: int | None = None
    complexity: bool | None = None
    reversible: bool | None = None
    lockout_threshold: int | None = None
    changed: int | None = None
    applies_to: tuple[str, ...] = ()


class Silo(Record, gc=False, frozen=True, kw_only=True):
    """An authentication policy silo."""

    dn: str
    name: str
    enforced: bool = False
    members: tuple[str, ...] = ()
    """DNs of msDS-AuthNPolicySiloMembers."""


class ServerObject(Record, gc=False, frozen=True, kw_only=True):
    """A `server` object of CN=Sites: the replication side of a domain controller."""

    dn: str
    name: str
    dns_name: str = ""
    computer_dn: str = ""
    """serverReference; empty when absent."""
    settings: Literal["", "nTDSDSA", "nTDSDSARO"] = ""
    """Class of the NTDS Settings child; empty when there is none."""
    behavior_version: int | None = None
    """msDS-Behavior-Version of the NTDS Settings."""


class Trust(Record, gc=False, frozen=True, kw_only=True):
    """A trustedDomain object."""

    dn: str
    name: str
    """DNS name of the partner."""
    flat_name: str = ""
    sid: str = ""
    direction: int = 0
    """1 inbound, 2 outbound, 3 both."""
    type: int = 2
    """1 downlevel, 2 Windows, 3 MIT Kerberos, 5 Entra ID."""
    attributes: int = 0
    """trustAttributes."""
    enctypes: int | None = None
    created: int | None = None
    changed: int | None = None


class Gpo(Record, gc=False, frozen=True, kw_only=True):
    """A groupPolicyContainer."""

    dn: str
    guid: str
    name: str
    flags: int = 0
    """1: user half off, 2: computer half off."""
    path: str = ""
    """gPCFileSysPath."""
    created: int | None = None
    owner: str = ""
    descriptor: str = ""


class GpoLink(Record, gc=False, frozen=True, kw_only=True):
    """One entry of a gPLink, in link order."""

    container: str
    """DN of the domain head, organisational unit or site."""
    gpo: str
    """DN of the policy."""
    disabled: bool = False
    enforced: bool = False


class DisplaySpecifier(Record, gc=False, frozen=True, kw_only=True):
    """A displaySpecifier that has menu entries running something else than a registered component."""

    dn: str
    entries: tuple[str, ...]
    """`attribute: value`, only values that are not a bare class identifier."""


class DnsZone(Record, gc=False, frozen=True, kw_only=True):
    """A dnsZone stored in the directory."""

    dn: str
    name: str
    partition: Literal["domain", "forest", "system", "other"]
    allow_update: int | Gap | None = None
    """DSPROPERTY_ZONE_ALLOW_UPDATE: 0 off, 1 unsecured, 2 secure only. None: no such property. Gap:
    unreadable."""


class Template(Record, gc=False, frozen=True, kw_only=True):
    """A pKICertificateTemplate."""

    dn: str
    name: str
    """cn, the name enrolment services publish."""
    display_name: str = ""
    schema_version: int = 1
    name_flags: int | None = 0
    """msPKI-Certificate-Name-Flag. None: the template is shown by name only, nothing else of it can be read."""
    enrollment_flags: int = 0
    """msPKI-Enrollment-Flag."""
    ra_signatures: int = 0
    """msPKI-RA-Signature."""
    ekus: tuple[str, ...] = ()
    """pKIExtendedKeyUsage."""
    application_policies: tuple[str, ...] = ()
    """msPKI-Certificate-Application-Policy."""
    created: int | None = None
    owner: str = ""
    descriptor: str = ""
    """Empty when unreadable."""


class EnrolmentService(Record, gc=False, frozen=True, kw_only=True):
    """A pKIEnrollmentService: an enterprise certification authority."""

    dn: str
    name: str
    dns_name: str = ""
    templates: tuple[str, ...] = ()
    """certificateTemplates: names of the templates it issues."""
    certificates: tuple[str, ...] = ()
    """SHA-256 of its cACertificate values (DER, lower-case hexadecimal)."""
    owner: str = ""
    descriptor: str = ""


class Certificate(Record, gc=False, frozen=True, kw_only=True):
    """What one cACertificate or userCertificate value holds."""

    holder: str
    """DN of the object."""
    attribute: str
    sha256: str
    """Of the stored value, lower-case hexadecimal."""
    holder_sid: str = ""
    trust_container: bool = False
    """The holder is NTAuth, AIA, Certification Authorities or an enrolment service."""
    subject: str = ""
    issuer: str = ""
    key: Literal["rsa", "dsa", "ec", "ed25519", "ed448", "other", "undecodable"] = "other"
    """`undecodable`: the value is not a certificate we can read."""
    bits: int = 0
    exponent: int = 0
    """RSA public exponent, 0 for other keys; capped at 2**31 - 1."""
    signature_hash: str = ""
    """sha256, sha1, md5…; empty when the signature has none (Ed25519) or it is not known."""
    roca: bool = False
    """The RSA modulus has the mark of CVE-2017-15361."""
    not_before: int | None = None
    not_after: int | None = None


class SysvolReplication(Record, tag="replication", tag_field="kind", frozen=True, kw_only=True):
    """How SYSVOL is replicated."""

    ntfrs_sets: tuple[str, ...] = ()
    """DNs of nTFRSReplicaSet objects whose fRSReplicaSetType is 2 (SYSVOL)."""
    dfsr_settings: bool = False
    """CN=DFSR-GlobalSettings exists."""
    dfsr_flags: int | None = None
    """msDFSR-Flags of CN=DFSR-GlobalSettings; 48 is "eliminated". None when absent."""


class LapsSchema(Record, tag="laps", tag_field="kind", frozen=True, kw_only=True):
    """Which local administrator password solutions the schema knows."""

    legacy: bool
    """ms-Mcs-AdmPwd."""
    windows: bool
    """msLAPS-Password."""


class GppPassword(Record, gc=False, frozen=True, kw_only=True):
    """A password kept in a group policy file. The password itself is never stored."""

    path: str
    """Path below the SYSVOL share."""
    element: str
    """XML element, for example `Groups/User`, or `DefaultPassword` for automatic logon."""
    user: str = ""
    changed: str = ""
    """Date written in the file, as found."""


class Sysvol(Record, tag="sysvol", tag_field="kind", frozen=True, kw_only=True):
    """What was read in SYSVOL."""

    server: str
    files_read: int = 0
    files_skipped: int = 0
    """Policy files that could not be read to their end: too big, refused, malformed."""
    gpp_passwords: tuple[GppPassword, ...] = ()


class SmbFacts(Record, tag="smb", tag_field="kind", frozen=True, kw_only=True):
    """What a controller answered to SMB negotiations."""

    smb1: bool | Gap
    """An SMB1-only negotiation was accepted."""
    dialect: str | Gap = ""
    """Highest SMB2/3 dialect accepted, for example 3.1.1."""
    signing_required: bool | Gap = False
    """SecurityMode of the SMB2/3 answer has SMB2_NEGOTIATE_SIGNING_REQUIRED."""


class LdapsFacts(Record, tag="ldaps", tag_field="kind", frozen=True, kw_only=True):
    """What a controller shows on its LDAPS port."""

    offered: bool
    """A TLS handshake completed. False: the port is closed or does not speak TLS."""
    validated: bool = False
    """The chain leads to the configured or system authority, and the name matches."""
    pinned: bool = False
    """The certificate is one of the configured pins."""
    fingerprint: str = ""
    """SHA-256 of the certificate (DER, lower-case hexadecimal)."""
    subject: str = ""
    issuer: str = ""
    not_after: int | None = None
    key: str = ""
    bits: int = 0
    tls_version: str = ""
    error: str = ""
    """Why validation failed, in French."""


class DcNetwork(Record, frozen=True, kw_only=True):
    """What one domain controller accepts on the network."""

    host: str
    """Name or address as configured."""
    smb: SmbFacts | Gap
    ldap_signing_required: bool | Gap
    """A signable bind without signing was refused with strongerAuthRequired."""
    ldaps: LdapsFacts | Gap


class AdFacts(Record, dict=True, frozen=True, kw_only=True):
    """Everything known about one domain.

    `dict=True` lets `directory.directory` keep its index beside the facts.
    """

    domain: DomainIdentity
    collection: Collection
    accounts: tuple[Account, ...] | Gap
    groups: tuple[Group, ...] | Gap
    foreign: tuple[ForeignPrincipal, ...] | Gap
    policy: DomainPolicy | Gap
    password_settings: tuple[PasswordSettings, ...] | Gap
    """Gap when the Password Settings Container is hidden, as it is from ordinary accounts."""
    silos: tuple[Silo, ...] | Gap
    ds_heuristics: str | Gap
    """Empty when the attribute is absent."""
    adprep_revision: int | Gap | None
    """revision of CN=ActiveDirectoryUpdate; None when the object does not exist."""
    recycle_bin: bool | Gap
    sysvol_replication: SysvolReplication | Gap
    laps: LapsSchema | Gap
    servers: tuple[ServerObject, ...] | Gap
    trusts: tuple[Trust, ...] | Gap
    gpos: tuple[Gpo, ...] | Gap
    gpo_links: tuple[GpoLink, ...] | Gap
    display_specifiers: tuple[DisplaySpecifier, ...] | Gap
    """Only those with entries worth judging."""
    dns_zones: tuple[DnsZone, ...] | Gap
    templates: tuple[Template, ...] | Gap
    enrolment_services: tuple[EnrolmentService, ...] | Gap
    nt_auth: tuple[str, ...] | Gap
    """SHA-256 of the certificates trusted for Windows logon; empty when there is no NTAuth store."""
    certificates: tuple[Certificate, ...] | Gap
    special: tuple[SpecialObject, ...] | Gap
    sysvol: Sysvol | Gap
    network: tuple[DcNetwork, ...]
    """One per configured server."""
    descriptors: Mapping[str, Descriptor] = {}
    """By digest of the binary value; only those an object above refers to."""
