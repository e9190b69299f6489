"""One object of the domain partition -> one fact. Pure functions of attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from checks.ad.facts import (
    NEVER,
    Account,
    AccountKind,
    Gpo,
    Group,
    PasswordSettings,
    Trust,
)
from checks.ad.parsers import values
from checks.ad.parsers.secrets_hint import looks_like_secret
from checks.ad.parsers.security_descriptor import MalformedDescriptor
from checks.ad.parsers.values import MalformedValue
from checks.ad.readers import attributes as a
from checks.common.text import clean

if TYPE_CHECKING:
    from checks.ad.readers.attributes import Attributes
    from checks.ad.readers.descriptors import DescriptorTable, Protection
    from checks.ad.transport.directory import Entry

ACCOUNT_ATTRIBUTES = (
    "objectClass",
    "objectSid",
    "sAMAccountName",
    "userAccountControl",
    "pwdLastSet",
    "lastLogonTimestamp",
    "logonCount",
    "whenCreated",
    "accountExpires",
    "primaryGroupID",
    "servicePrincipalName",
    "msDS-AllowedToDelegateTo",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "msDS-SupportedEncryptionTypes",
    "adminCount",
    "sIDHistory",
    "operatingSystem",
    "operatingSystemVersion",
    "dNSHostName",
    "scriptPath",
    "msDS-KeyCredentialLink",
    "ms-Mcs-AdmPwdExpirationTime",
    "msLAPS-PasswordExpirationTime",
    "msDS-ResultantPSO",
    "msDS-AssignedAuthNPolicySilo",
    "msDS-SecondaryKrbTgtNumber",
    "msDS-KrbTgtLink",
    "msDS-RevealOnDemandGroup",
    "msDS-NeverRevealGroup",
    "msDS-RevealedUsers",
    "description",
    "info",
    "comment",
    "userPassword",
    "unixUserPassword",
    "msSFU30Password",
    "userCertificate",
)
"""What `account` reads. LAPS passwords themselves are never asked for."""

_INTERDOMAIN_TRUST = 0x800
_SPECIAL_CLASSES: tuple[tuple[bytes, str], ...] = (
    (b"msDS-DelegatedManagedServiceAccount", "dmsa"),
    (b"msDS-GroupManagedServiceAccount", "gmsa"),
    (b"msDS-ManagedServiceAccount", "smsa"),
    (b"computer", "computer"),
)
_FREE_TEXTS = ("description", "info", "comment")
_PASSWORD_ATTRIBUTES = (
    ("userpassword", "userPassword"),
    ("unixuserpassword", "unixUserPassword"),
    ("mssfu30password", "msSFU30Password"),
)


_UNIX_PLACEHOLDER = b"ABCD!efgh12345$67890"
"""What Windows' Identity Management for UNIX writes for every account that has no UNIX password."""


def account(entry: Entry, sid: str, table: DescriptorTable, protection: Protection) -> Account:
    """A user, computer, managed service account or trust account."""
    found = entry.attributes
    uac = a.flags(found, "useraccountcontrol")
    logon_count = a.integer(found, "logoncount")
    last_logon = a.filetime(found, "lastlogontimestamp")
    # logonCount is not replicated: a controller the account never used may not have it either. By default the same
    # rights show the flags and the logon attributes, so flags without a date mean that there is none.
    readable = logon_count is not None or uac is not None
    if last_logon is None and readable and "lastlogontimestamp" not in found:
        last_logon = NEVER
    return Account(
        sid=sid,
        dn=entry.dn,
        name=a.text(found, "samaccountname"),
        kind=_kind(found, uac),
        uac=uac,
        pwd_last_set=a.filetime(found, "pwdlastset"),
        last_logon=last_logon,
        logon_count=logon_count,
        created=a.moment(found, "whencreated"),
        expires=a.filetime(found, "accountexpires"),
        primary_group=a.integer(found, "primarygroupid"),
        spns=a.texts(found, "serviceprincipalname"),
        delegate_to=a.texts(found, "msds-allowedtodelegateto"),
        rbcd=_rbcd(found, table),
        enctypes=a.flags(found, "msds-supportedencryptiontypes"),
        admin_count=a.integer(found, "admincount"),
        sid_history=a.sids(found, "sidhistory"),
        os=a.text(found, "operatingsystem"),
        os_version=a.text(found, "operatingsystemversion"),
        dns_name=a.text(found, "dnshostname"),
        script_path=a.text(found, "scriptpath"),
        key_credentials=len(found.get("msds-keycredentiallink", ())),
        laps_expires=_laps(found),
        resultant_pso=a.name(found, "msds-resultantpso"),
        silo=a.name(found, "msds-assignedauthnpolicysilo"),
        krbtgt_number=a.integer(found, "msds-secondarykrbtgtnumber"),
        krbtgt_link=a.name(found, "msds-krbtgtlink"),
        reveal_on_demand=a.names(found, "msds-revealondemandgroup"),
        never_reveal=a.names(found, "msds-neverrevealgroup"),
        revealed=_revealed(found),
        secret_hints=_secret_hints(found),
        owner=protection.owner,
    )


def _kind(found: Attributes, uac: int | None) -> AccountKind:
    if uac is not None and uac & _INTERDOMAIN_TRUST:
        return "trust"
    classes = found.get("objectclass", ())
    kind = next((kind for wanted, kind in _SPECIAL_CLASSES if wanted in classes), "user")
    return cast("AccountKind", kind)


def _rbcd(found: Attributes, table: DescriptorTable) -> tuple[str, ...] | None:
    raw = found.get("msds-allowedtoactonbehalfofotheridentity")
    if not raw:
        return None
    try:
        aces = table.parse(raw[0]).aces
    except MalformedDescriptor:
        return ()
    return tuple(dict.fromkeys(ace.trustee for ace in aces or () if ace.trustee))


def _laps(found: Attributes) -> int | None:
    times = [
        value
        for name in ("ms-mcs-admpwdexpirationtime", "mslaps-passwordexpirationtime")
        if (value := a.filetime(found, name)) is not None
    ]
    return max(times, default=None)


def _revealed(found: Attributes) -> tuple[str, ...]:
    """Names in msDS-RevealedUsers; the attribute repeats a name for each secret cached."""
    revealed: dict[str, None] = {}
    for raw in found.get("msds-revealedusers", ()):
        try:
            revealed[values.dn_binary(raw)[1]] = None
        except MalformedValue:
            continue
    return tuple(revealed)


def _secret_hints(found: Attributes) -> tuple[str, ...]:
    hints = [name for name in _FREE_TEXTS if any(looks_like_secret(values.text(raw)) for raw in found.get(name, ()))]
    hints += [
        written
        for name, written in _PASSWORD_ATTRIBUTES
        if any(raw and raw != _UNIX_PLACEHOLDER for raw in found.get(name, ()))
    ]
    return tuple(hints)


def group(entry: Entry, sid: str, protection: Protection) -> Group:
    """A group, its members as distinguished names."""
    found = entry.attributes
    return Group(
        sid=sid,
        dn=entry.dn,
        name=a.text(found, "samaccountname"),
        members=a.names(found, "member"),
        members_cut="member" in entry.cut,
        group_type=a.flags(found, "grouptype") or 0,
        created=a.moment(found, "whencreated"),
        admin_count=a.integer(found, "admincount"),
        sid_history=a.sids(found, "sidhistory"),
        owner=protection.owner,
    )


GPO_ATTRIBUTES = ("displayName", "flags", "gPCFileSysPath", "whenCreated")


def gpo(entry: Entry, protection: Protection) -> Gpo:
    """A group policy container."""
    found = entry.attributes
    guid = values.split_dn(entry.dn)[0].partition("=")[2].strip("{}").lower()
    return Gpo(
        dn=entry.dn,
        guid=clean(guid, 80),
        name=a.text(found, "displayname"),
        flags=a.flags(found, "flags") or 0,
        path=a.text(found, "gpcfilesyspath"),
        created=a.moment(found, "whencreated"),
        owner=protection.owner,
        descriptor=protection.key,
    )


TRUST_ATTRIBUTES = (
    "trustPartner",
    "flatName",
    "securityIdentifier",
    "trustDirection",
    "trustType",
    "trustAttributes",
    "msDS-SupportedEncryptionTypes",
    "whenCreated",
    "whenChanged",
)


def trust(entry: Entry) -> Trust:
    """A trusted domain object."""
    found = entry.attributes
    return Trust(
        dn=entry.dn,
        name=a.text(found, "trustpartner"),
        flat_name=a.text(found, "flatname"),
        sid=a.sid(found, "securityidentifier"),
        direction=a.flags(found, "trustdirection") or 0,
        type=a.flags(found, "trusttype") or 0,
        attributes=a.flags(found, "trustattributes") or 0,
        enctypes=a.flags(found, "msds-supportedencryptiontypes"),
        created=a.moment(found, "whencreated"),
        changed=a.moment(found, "whenchanged"),
    )


PSO_ATTRIBUTES = (
    "cn",
    "whenChanged",
    "msDS-PasswordSettingsPrecedence",
    "msDS-MinimumPasswordLength",
    "msDS-MaximumPasswordAge",
    "msDS-PasswordHistoryLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordReversibleEncryptionEnabled",
    "msDS-LockoutThreshold",
    "msDS-PSOAppliesTo",
)


def password_settings(entry: Entry) -> PasswordSettings:
    """A fine-grained password policy."""
    found = entry.attributes
    return PasswordSettings(
        dn=entry.dn,
        name=a.text(found, "cn"),
        precedence=a.integer(found, "msds-passwordsettingsprecedence"),
        min_length=a.integer(found, "msds-minimumpasswordlength"),
        max_age=a.interval(found, "msds-maximumpasswordage"),
        history=a.integer(found, "msds-passwordhistorylength"),
        complexity=a.boolean(found, "msds-passwordcomplexityenabled"),
        reversible=a.boolean(found, "msds-passwordreversibleencryptionenabled"),
        lockout_threshold=a.integer(found, "msds-lockoutthreshold"),
        changed=a.moment(found, "whenchanged"),
        applies_to=a.names(found, "msds-psoappliesto"),
    )
