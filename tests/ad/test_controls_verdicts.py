"""A healthy directory and one change: the verdict of each control."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from checks.ad import windows
from checks.ad.facts import (
    NEVER,
    AdFacts,
    Descriptor,
    DisplaySpecifier,
    ForeignPrincipal,
    GppPassword,
    LapsSchema,
    LdapsFacts,
    Silo,
    SmbFacts,
    Sysvol,
    SysvolReplication,
)
from checks.model import Severity, Verdict
from tests.ad.builders import (
    ADMIN,
    ADMIN_FLAGS,
    AES_ONLY,
    CATALOGUE,
    CONTROLLER,
    DAY,
    DN,
    ENROL,
    FOREIGN,
    FULL_CONTROL,
    HIDDEN,
    MACHINE,
    MEMBER,
    NORMAL,
    NOW,
    SID,
    SILO_DN,
    ace,
    add,
    ago,
    certificate,
    computer,
    controller,
    descriptors,
    domain,
    edit,
    group,
    healthy,
    judge,
    labels,
    network,
    one,
    policy,
    pso,
    put,
    server,
    sid,
    template,
    trust,
    user,
    without,
    zone,
)

Make = Callable[[], AdFacts]
PASS, FAIL = Verdict.PASS, Verdict.FAIL
NA, UNKNOWN = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
SERVICE = "svc-dossier"
CLIENT_ENROLS = {
    "enrol": Descriptor(owner=sid(519), aces=(ace("S-1-5-11", 0x100, ENROL, 5),)),
}


def admins(*members: str) -> AdFacts:
    """Put more members in Domain Admins, next to those already there."""
    return edit("Admins du domaine", members=(ADMIN, *members))


def only_built_in_administrator() -> AdFacts:
    """Take the only other administrator away, account and membership."""
    return with_members(without("adm.rossi"), "Admins du domaine", ())


def crowd(number: int) -> AdFacts:
    """Make that many privileged accounts besides RID 500; the healthy directory already has one."""
    more = [user(2000 + n, f"adm{n}", uac=ADMIN_FLAGS, admin_count=1) for n in range(number - 1)]
    facts = add(*more)
    return with_members(facts, "Admins du domaine", (ADMIN, *(account.dn for account in more)))


def with_members(facts: AdFacts, name: str, members: tuple[str, ...]) -> AdFacts:
    changed = tuple(msgspec.structs.replace(g, members=members) if g.name == name else g for g in facts.groups)
    return put(facts, groups=changed)


def users(total: int, wrong: int, **fields: object) -> AdFacts:
    """Make a directory of exactly `total` enabled users, `wrong` of them changed; no other enabled account."""
    kept = tuple(a for a in healthy().accounts if a.sid in {sid(501), sid(502)})
    good = tuple(user(3000 + n, f"u{n}") for n in range(total - wrong))
    bad = tuple(user(4000 + n, f"v{n}", **fields) for n in range(wrong))
    return put(healthy(), accounts=kept + good + bad)


def wks(**fields: object) -> AdFacts:
    return edit("PC-SOINS-01$", **fields)


def srv(**fields: object) -> AdFacts:
    return edit("SRV-DUI$", **fields)


def dc(**fields: object) -> AdFacts:
    return edit("DC2$", **fields)


def laps_estate(total: int, wrong: int) -> AdFacts:
    """Make an estate of `total` workstations, `wrong` of them without managed password."""
    kept = tuple(a for a in healthy().accounts if a.kind != "computer" or a.primary_group == 516)
    good = tuple(computer(5000 + n, f"PC{n}$") for n in range(total - wrong))
    bad = tuple(computer(6000 + n, f"PX{n}$", laps_expires=None) for n in range(wrong))
    return put(healthy(), accounts=kept + good + bad)


def dns_admins_descriptor(*entries: object, owner: str = sid(512)) -> AdFacts:
    changed = edit("DnsAdmins", descriptor="changed")
    return put(changed, descriptors=descriptors() | {"changed": Descriptor(owner=owner, aces=entries)})


def heuristics(position: int, character: str) -> AdFacts:
    text = healthy().ds_heuristics
    assert isinstance(text, str)
    return put(healthy(), ds_heuristics=text[: position - 1] + character + text[position:])


def esc1(**fields: object) -> AdFacts:
    """Make a template that lets any authenticated user choose the name in a logon certificate."""
    base = {"name_flags": 1} | fields
    facts = put(healthy(), templates=(template(**base),))
    return put(facts, descriptors=descriptors() | CLIENT_ENROLS)


def loop(*names: str) -> AdFacts:
    """Make groups that each contain the next one, the last containing the first."""
    dns = [f"CN={name},CN=Users,{DN}" for name in names]
    return add(*(group(7000 + n, name, (dns[(n + 1) % len(dns)],)) for n, name in enumerate(names)))


def menu(entry: str) -> AdFacts:
    item = DisplaySpecifier(dn=f"CN=user-Display,CN=40C,CN=DisplaySpecifiers,CN=Configuration,{DN}", entries=(entry,))
    return put(healthy(), display_specifiers=(item,))


def compatible(*sids: str) -> AdFacts:
    """Put foreign SIDs in Pre-Windows 2000 Compatible Access."""
    members = tuple(f"CN={s},{FOREIGN}" for s in sids)
    facts = edit("Accès compatible pré-Windows 2000", members=members)
    return put(facts, foreign=tuple(ForeignPrincipal(dn=f"CN={s},{FOREIGN}", sid=s) for s in sids))


def dc_network(**fields: object) -> AdFacts:
    return put(healthy(), network=(network(**fields),))


def ldaps(**fields: object) -> AdFacts:
    base = {"offered": True, "validated": True, "fingerprint": "bb" * 32, "not_after": ago(-300)}
    return dc_network(ldaps=LdapsFacts(**base | fields))


def smb(**fields: object) -> AdFacts:
    return dc_network(smb=SmbFacts(**{"smb1": False, "signing_required": True} | fields))


OLD_PSO = {"resultant_pso": pso().dn, "enctypes": AES_ONLY}
JUST_UNDER = {"seconds": -1}

CASES: list[tuple[str, str, Make, Verdict]] = [
    # --- reading
    ("AD-COL-001", "krbtgt_hidden", lambda: without("krbtgt"), FAIL),
    ("AD-COL-001", "admin_sd_holder_hidden", lambda: put(healthy(), special=()), FAIL),
    ("AD-COL-001", "enterprise_admins_hidden", lambda: without("Administrateurs de l’entreprise"), FAIL),
    (
        "AD-COL-001",
        "child_domain_has_no_enterprise_admins",
        lambda: put(
            without("Administrateurs de l’entreprise", "Administrateurs du schéma"),
            domain=domain(configuration_dn="CN=Configuration,DC=test").domain,
        ),
        PASS,
    ),
    ("AD-COL-001", "special_objects_unread", lambda: put(healthy(), special=HIDDEN), UNKNOWN),
    # --- domain controllers
    ("AD-DC-001", "flag_missing", lambda: dc(uac=windows.SERVER_TRUST), FAIL),
    ("AD-DC-001", "no_server_object", lambda: put(healthy(), servers=(server("DC1"),)), FAIL),
    ("AD-DC-001", "no_settings", lambda: put(healthy(), servers=(server("DC1"), server("DC2", settings=""))), FAIL),
    (
        "AD-DC-001",
        "level_does_not_fit",
        lambda: put(healthy(), servers=(server("DC1"), server("DC2", behavior_version=4))),
        FAIL,
    ),
    (
        "AD-DC-001",
        "level_of_an_unknown_system",
        lambda: put(dc(os="Samba"), servers=(server("DC1"), server("DC2", behavior_version=4))),
        PASS,
    ),
    ("AD-DC-001", "computer_posing_as_controller", lambda: wks(uac=CONTROLLER), FAIL),
    ("AD-DC-001", "read_only_with_writable_flags", lambda: dc(primary_group=521), FAIL),
    (
        "AD-DC-001",
        "read_only_as_it_should",
        lambda: dc(primary_group=521, uac=0x5001000),
        PASS,
    ),
    ("AD-DC-001", "flags_hidden", lambda: dc(uac=None), UNKNOWN),
    ("AD-DC-002", "windows_2012_r2", lambda: dc(os="Windows Server 2012 R2 Standard"), FAIL),
    ("AD-DC-002", "windows_2016_before_its_end", lambda: dc(os="Windows Server 2016 Standard"), PASS),
    ("AD-DC-002", "samba", lambda: dc(os="Samba", os_version="4.17.12"), UNKNOWN),
    ("AD-DC-002", "no_system_written", lambda: dc(os="", os_version=""), UNKNOWN),
    ("AD-DC-003", "46_days", lambda: dc(pwd_last_set=ago(46)), FAIL),
    ("AD-DC-003", "45_days", lambda: dc(pwd_last_set=ago(45)), PASS),
    ("AD-DC-003", "45_days_and_one_second", lambda: dc(pwd_last_set=ago(45, 1)), FAIL),
    ("AD-DC-003", "never_set_and_old", lambda: dc(pwd_last_set=NEVER), FAIL),
    ("AD-DC-003", "never_set_and_new", lambda: dc(pwd_last_set=NEVER, created=ago(3)), PASS),
    ("AD-DC-003", "hidden", lambda: dc(pwd_last_set=None), UNKNOWN),
    ("AD-DC-004", "silent", lambda: dc(last_logon=ago(60)), FAIL),
    ("AD-DC-004", "45_days", lambda: dc(last_logon=ago(45)), PASS),
    ("AD-DC-004", "45_days_and_one_second", lambda: dc(last_logon=ago(45, 1)), FAIL),
    ("AD-DC-004", "never_seen", lambda: dc(last_logon=NEVER), FAIL),
    ("AD-DC-004", "hidden", lambda: dc(last_logon=None), UNKNOWN),
    (
        "AD-DC-004",
        "entra_pseudo_controller",
        lambda: add(controller(1900, "AzureADKerberos$", primary_group=521, last_logon=NEVER)),
        PASS,
    ),
    ("AD-DC-005", "des", lambda: dc(enctypes=0x1B), FAIL),
    ("AD-DC-005", "absent", lambda: dc(enctypes=None), PASS),
    ("AD-DC-006", "rc4_only", lambda: dc(enctypes=0x4), FAIL),
    ("AD-DC-006", "absent", lambda: dc(enctypes=None), FAIL),
    ("AD-DC-006", "aes256_alone", lambda: dc(enctypes=0x10), PASS),
    ("AD-DC-007", "rc4", lambda: dc(enctypes=0x1C), FAIL),
    ("AD-DC-007", "absent", lambda: dc(enctypes=None), UNKNOWN),
    ("AD-DC-008", "one_controller", lambda: without("DC2$"), FAIL),
    ("AD-DC-008", "one_writable_one_read_only", lambda: dc(primary_group=521), FAIL),
    # --- delegation
    ("AD-DLG-001", "server", lambda: srv(uac=MACHINE | windows.TRUSTED_FOR_DELEGATION), FAIL),
    ("AD-DLG-001", "disabled", lambda: srv(uac=MACHINE | windows.TRUSTED_FOR_DELEGATION | 2), PASS),
    ("AD-DLG-001", "read_only_controller", lambda: dc(primary_group=521), FAIL),
    ("AD-DLG-001", "flags_hidden", lambda: srv(uac=None), UNKNOWN),
    ("AD-DLG-002", "full_name", lambda: srv(delegate_to=("cifs/dc1.tilleuls.test",)), FAIL),
    ("AD-DLG-002", "short_name_and_port", lambda: srv(delegate_to=("ldap/DC1:389",)), FAIL),
    ("AD-DLG-002", "domain_name", lambda: srv(delegate_to=("ldap/tilleuls.test",)), FAIL),
    ("AD-DLG-002", "krbtgt", lambda: srv(delegate_to=("krbtgt/TILLEULS.TEST",)), FAIL),
    ("AD-DLG-002", "other_server", lambda: srv(delegate_to=("cifs/srv-fichiers.tilleuls.test",)), PASS),
    ("AD-DLG-002", "disabled", lambda: srv(uac=MACHINE | 2, delegate_to=("cifs/dc1",)), PASS),
    (
        "AD-DLG-002",
        "transition_is_the_other_control",
        lambda: srv(uac=MACHINE | windows.PROTOCOL_TRANSITION, delegate_to=("cifs/dc1",)),
        PASS,
    ),
    (
        "AD-DLG-003",
        "transition",
        lambda: srv(uac=MACHINE | windows.PROTOCOL_TRANSITION, delegate_to=("cifs/dc1",)),
        FAIL,
    ),
    ("AD-DLG-003", "without_transition", lambda: srv(delegate_to=("cifs/dc1",)), PASS),
    ("AD-DLG-003", "flags_hidden", lambda: srv(uac=None, delegate_to=("cifs/dc1",)), UNKNOWN),
    ("AD-DLG-004", "controller", lambda: dc(rbcd=(sid(1201),)), FAIL),
    ("AD-DLG-004", "empty_value", lambda: dc(rbcd=()), FAIL),
    ("AD-DLG-004", "krbtgt", lambda: edit("krbtgt", rbcd=(sid(1201),)), FAIL),
    ("AD-DLG-004", "ordinary_server", lambda: srv(rbcd=(sid(1202),)), PASS),
    # --- Kerberos
    ("AD-KRB-001", "400_days", lambda: edit("krbtgt", pwd_last_set=ago(400)), FAIL),
    ("AD-KRB-001", "365_days", lambda: edit("krbtgt", pwd_last_set=ago(365)), PASS),
    ("AD-KRB-001", "365_days_and_one_second", lambda: edit("krbtgt", pwd_last_set=ago(365, 1)), FAIL),
    ("AD-KRB-001", "hidden", lambda: edit("krbtgt", pwd_last_set=None), UNKNOWN),
    ("AD-KRB-001", "no_krbtgt", lambda: without("krbtgt"), UNKNOWN),
    ("AD-KRB-002", "admin", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.NO_PREAUTH), FAIL),
    ("AD-KRB-002", "disabled_admin", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.NO_PREAUTH | 2), FAIL),
    ("AD-KRB-002", "ordinary_user", lambda: edit("m.durand", uac=NORMAL | windows.NO_PREAUTH), PASS),
    ("AD-KRB-002", "flags_hidden", lambda: edit("adm.rossi", uac=None), UNKNOWN),
    ("AD-KRB-003", "ordinary_user", lambda: edit("m.durand", uac=NORMAL | windows.NO_PREAUTH), FAIL),
    ("AD-KRB-003", "disabled_user", lambda: edit("m.durand", uac=NORMAL | windows.NO_PREAUTH | 2), PASS),
    ("AD-KRB-003", "admin_is_the_other_control", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.NO_PREAUTH), PASS),
    (
        "AD-KRB-003",
        "strong_policy_is_tolerated",
        lambda: edit("m.durand", uac=NORMAL | windows.NO_PREAUTH, **OLD_PSO),
        PASS,
    ),
    (
        "AD-KRB-003",
        "strong_policy_unreadable",
        lambda: put(edit("m.durand", uac=NORMAL | windows.NO_PREAUTH, **OLD_PSO), password_settings=HIDDEN),
        UNKNOWN,
    ),
    ("AD-KRB-004", "admin", lambda: edit("adm.rossi", spns=("http/intranet",)), FAIL),
    ("AD-KRB-004", "disabled_admin", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | 2, spns=("http/x",)), PASS),
    ("AD-KRB-004", "managed_account", lambda: admins(f"CN=svc-paie,OU=Personnel,{DN}"), PASS),
    ("AD-KRB-004", "strong_policy", lambda: edit("adm.rossi", spns=("http/x",), **OLD_PSO), PASS),
    (
        "AD-KRB-004",
        "policy_of_32_characters",
        lambda: put(edit("adm.rossi", spns=("http/x",), **OLD_PSO), password_settings=(pso(min_length=32),)),
        FAIL,
    ),
    (
        "AD-KRB-004",
        "policy_younger_than_the_password",
        lambda: put(edit("adm.rossi", spns=("http/x",), **OLD_PSO), password_settings=(pso(changed=ago(5)),)),
        FAIL,
    ),
    (
        "AD-KRB-004",
        "rc4_is_never_tolerated",
        lambda: edit("adm.rossi", spns=("http/x",), resultant_pso=pso().dn, enctypes=0x1C),
        FAIL,
    ),
    (
        "AD-KRB-004",
        "policy_unreadable",
        lambda: put(edit("adm.rossi", spns=("http/x",), **OLD_PSO), password_settings=HIDDEN),
        UNKNOWN,
    ),
    ("AD-KRB-005", "old_password", lambda: edit(SERVICE, pwd_last_set=ago(366)), FAIL),
    ("AD-KRB-005", "365_days", lambda: edit(SERVICE, pwd_last_set=ago(365)), PASS),
    ("AD-KRB-005", "no_aes", lambda: edit(SERVICE, enctypes=None), FAIL),
    ("AD-KRB-005", "hidden_date", lambda: edit(SERVICE, pwd_last_set=None), UNKNOWN),
    ("AD-KRB-005", "no_service", lambda: edit(SERVICE, spns=()), NA),
    ("AD-KRB-006", "undeclared", lambda: edit(SERVICE, enctypes=None), FAIL),
    ("AD-KRB-006", "des_besides_aes", lambda: edit(SERVICE, enctypes=0x1B), FAIL),
    ("AD-KRB-006", "rc4_only", lambda: edit("svc-paie", enctypes=0x4), FAIL),
    ("AD-KRB-006", "aes256_alone", lambda: edit(SERVICE, enctypes=0x10), PASS),
    ("AD-KRB-006", "disabled", lambda: edit(SERVICE, uac=NORMAL | 2, enctypes=None), PASS),
    (
        "AD-KRB-006",
        "no_service",
        lambda: put(without(SERVICE, "svc-paie")),
        NA,
    ),
    ("AD-KRB-007", "des_only", lambda: edit("m.durand", uac=NORMAL | windows.DES_ONLY), FAIL),
    ("AD-KRB-007", "des_only_disabled", lambda: edit("m.durand", uac=NORMAL | windows.DES_ONLY | 2), FAIL),
    ("AD-KRB-007", "flags_hidden", lambda: edit("m.durand", uac=None), UNKNOWN),
    # --- privileged accounts
    ("AD-PRV-001", "50", lambda: crowd(50), PASS),
    ("AD-PRV-001", "51", lambda: crowd(51), FAIL),
    (
        "AD-PRV-001",
        "51_in_a_forest_of_20_domains",
        lambda: put(crowd(51), domain=domain(domains_in_forest=20).domain),
        PASS,
    ),
    ("AD-PRV-001", "groups_hidden", lambda: put(healthy(), groups=HIDDEN), UNKNOWN),
    ("AD-PRV-002", "51", lambda: crowd(51), FAIL),
    (
        "AD-PRV-002",
        "50_and_a_foreign_member",
        lambda: with_members(crowd(50), "Opérateurs de compte", (f"CN=S-1-5-21-9-9-9-1104,{FOREIGN}",)),
        FAIL,
    ),
    ("AD-PRV-002", "50", lambda: crowd(50), PASS),
    ("AD-PRV-003", "admin", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.PASSWORD_NEVER_EXPIRES), FAIL),
    (
        "AD-PRV-003",
        "built_in_administrator",
        lambda: edit("Administrateur", uac=ADMIN_FLAGS | windows.PASSWORD_NEVER_EXPIRES),
        FAIL,
    ),
    (
        "AD-PRV-003",
        "disabled_admin",
        lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.PASSWORD_NEVER_EXPIRES | 2),
        PASS,
    ),
    (
        "AD-PRV-003",
        "ordinary_user",
        lambda: edit("m.durand", uac=NORMAL | windows.PASSWORD_NEVER_EXPIRES),
        PASS,
    ),
    ("AD-PRV-003", "flags_hidden", lambda: edit("adm.rossi", uac=None), UNKNOWN),
    ("AD-PRV-004", "four_years", lambda: edit("adm.rossi", pwd_last_set=ago(1460)), FAIL),
    ("AD-PRV-004", "1095_days", lambda: edit("adm.rossi", pwd_last_set=ago(1095)), PASS),
    ("AD-PRV-004", "1095_days_and_one_second", lambda: edit("adm.rossi", pwd_last_set=ago(1095, 1)), FAIL),
    ("AD-PRV-004", "built_in_administrator", lambda: edit("Administrateur", pwd_last_set=ago(1096)), FAIL),
    ("AD-PRV-004", "must_change", lambda: edit("adm.rossi", pwd_last_set=NEVER), PASS),
    ("AD-PRV-004", "hidden", lambda: edit("adm.rossi", pwd_last_set=None), UNKNOWN),
    ("AD-PRV-005", "outside", lambda: edit("Protected Users", members=()), FAIL),
    ("AD-PRV-005", "no_such_group", lambda: without("Protected Users"), FAIL),
    (
        "AD-PRV-005",
        "through_a_nested_group",
        lambda: with_members(
            add(group(1500, "Admins protégés", (ADMIN,))),
            "Protected Users",
            (f"CN=Admins protégés,CN=Users,{DN}",),
        ),
        PASS,
    ),
    ("AD-PRV-005", "only_the_built_in_administrator", only_built_in_administrator, NA),
    ("AD-PRV-006", "absent", lambda: edit("adm.rossi", admin_count=None), FAIL),
    ("AD-PRV-006", "zero", lambda: edit("adm.rossi", admin_count=0), FAIL),
    ("AD-PRV-006", "created_an_hour_ago", lambda: edit("adm.rossi", admin_count=None, created=ago(0, 3600)), FAIL),
    ("AD-PRV-006", "created_just_now", lambda: edit("adm.rossi", admin_count=None, created=ago(0, 3599)), PASS),
    ("AD-PRV-007", "admin", lambda: edit("adm.rossi", uac=ADMIN_FLAGS | windows.REVERSIBLE_PASSWORD), FAIL),
    ("AD-PRV-007", "ordinary_user", lambda: edit("m.durand", uac=NORMAL | windows.REVERSIBLE_PASSWORD), PASS),
    ("AD-PRV-007", "flags_hidden", lambda: edit("adm.rossi", uac=None), UNKNOWN),
    ("AD-PRV-008", "seven_characters", lambda: policy(min_length=7), FAIL),
    ("AD-PRV-008", "eight_characters", lambda: policy(min_length=8), PASS),
    ("AD-PRV-008", "no_expiry", lambda: policy(max_age=0), FAIL),
    ("AD-PRV-008", "1095_days", lambda: policy(max_age=1095 * DAY), PASS),
    ("AD-PRV-008", "1096_days", lambda: policy(max_age=1096 * DAY), FAIL),
    ("AD-PRV-008", "length_hidden", lambda: policy(min_length=None), UNKNOWN),
    (
        "AD-PRV-008",
        "weak_fine_grained_policy",
        lambda: put(edit("adm.rossi", resultant_pso=pso().dn), password_settings=(pso(min_length=4),)),
        FAIL,
    ),
    (
        "AD-PRV-008",
        "fine_grained_policy_unreadable",
        lambda: put(edit("adm.rossi", resultant_pso=pso().dn), password_settings=HIDDEN),
        UNKNOWN,
    ),
    (
        "AD-PRV-008",
        "fine_grained_policy_not_in_the_list",
        lambda: put(edit("adm.rossi", resultant_pso=pso().dn), password_settings=()),
        UNKNOWN,
    ),
    ("AD-PRV-009", "no_silo", lambda: edit("adm.rossi", silo=""), FAIL),
    (
        "AD-PRV-009",
        "silo_in_audit_mode",
        lambda: put(healthy(), silos=(Silo(dn=SILO_DN, name="Admins", members=(ADMIN,)),)),
        FAIL,
    ),
    (
        "AD-PRV-009",
        "not_in_the_list_of_the_silo",
        lambda: put(healthy(), silos=(Silo(dn=SILO_DN, name="Admins", enforced=True),)),
        FAIL,
    ),
    ("AD-PRV-009", "silo_unknown", lambda: put(healthy(), silos=()), FAIL),
    ("AD-PRV-009", "silos_hidden", lambda: put(healthy(), silos=HIDDEN), UNKNOWN),
    ("AD-PRV-009", "only_the_built_in_administrator", only_built_in_administrator, NA),
    ("AD-PRV-010", "member", lambda: edit("DnsAdmins", members=(f"CN=m.durand,OU=Personnel,{DN}",)), FAIL),
    ("AD-PRV-010", "member_by_primary_group", lambda: edit("m.durand", primary_group=1110), FAIL),
    ("AD-PRV-010", "foreign_owner", lambda: dns_admins_descriptor(owner=sid(1102)), FAIL),
    ("AD-PRV-010", "write_members", lambda: dns_admins_descriptor(ace(sid(1102), 0x20, MEMBER, 5)), FAIL),
    ("AD-PRV-010", "write_all_properties", lambda: dns_admins_descriptor(ace(sid(1102), 0x20)), FAIL),
    ("AD-PRV-010", "change_rights", lambda: dns_admins_descriptor(ace(sid(1111), 0x40000)), FAIL),
    (
        "AD-PRV-010",
        "write_something_else",
        lambda: dns_admins_descriptor(ace(sid(1102), 0x20, "00000000-0000-0000-0000-000000000001", 5)),
        PASS,
    ),
    (
        "AD-PRV-010",
        "only_for_children",
        lambda: dns_admins_descriptor(ace(sid(1102), FULL_CONTROL, flags=0x8)),
        PASS,
    ),
    ("AD-PRV-010", "denied", lambda: dns_admins_descriptor(ace(sid(1102), FULL_CONTROL, type_=1)), PASS),
    ("AD-PRV-010", "account_operators", lambda: dns_admins_descriptor(ace("S-1-5-32-548", FULL_CONTROL)), PASS),
    (
        "AD-PRV-010",
        "no_list_at_all",
        lambda: put(healthy(), descriptors={"sound": Descriptor(owner=sid(512), aces=None)}),
        FAIL,
    ),
    ("AD-PRV-010", "rights_hidden", lambda: edit("DnsAdmins", descriptor=""), UNKNOWN),
    ("AD-PRV-010", "members_cut", lambda: edit("DnsAdmins", members_cut=True), UNKNOWN),
    ("AD-PRV-010", "no_such_group", lambda: without("DnsAdmins"), NA),
    ("AD-PRV-011", "administrator", lambda: edit("Administrateurs du schéma", members=(ADMIN,)), FAIL),
    ("AD-PRV-011", "other_domain", lambda: without("Administrateurs du schéma"), NA),
    ("AD-PRV-011", "members_cut", lambda: edit("Administrateurs du schéma", members_cut=True), UNKNOWN),
    (
        "AD-PRV-012",
        "neither",
        lambda: put(edit("adm.rossi", uac=NORMAL), groups=edit("Protected Users", members=()).groups),
        FAIL,
    ),
    ("AD-PRV-012", "protected_users_is_enough", lambda: edit("adm.rossi", uac=NORMAL), PASS),
    ("AD-PRV-012", "built_in_administrator", lambda: edit("Administrateur", uac=NORMAL), FAIL),
    ("AD-PRV-012", "flags_hidden", lambda: edit("Administrateur", uac=None), UNKNOWN),
    # --- ordinary accounts
    ("AD-ACC-001", "26_percent", lambda: users(100, 26, pwd_last_set=ago(1200), last_logon=ago(400)), FAIL),
    ("AD-ACC-001", "25_percent", lambda: users(100, 25, pwd_last_set=ago(1200), last_logon=ago(400)), PASS),
    (
        "AD-ACC-001",
        "never_used_and_old",
        lambda: users(10, 5, pwd_last_set=NEVER, last_logon=NEVER, created=ago(366)),
        FAIL,
    ),
    (
        "AD-ACC-001",
        "never_used_but_new",
        lambda: users(10, 5, pwd_last_set=NEVER, last_logon=NEVER, created=ago(365)),
        PASS,
    ),
    ("AD-ACC-001", "old_password_but_used", lambda: users(10, 9, pwd_last_set=ago(1200)), PASS),
    ("AD-ACC-001", "password_1095_days", lambda: users(10, 9, pwd_last_set=ago(1095), last_logon=ago(400)), PASS),
    ("AD-ACC-001", "dates_hidden", lambda: users(10, 9, pwd_last_set=None, last_logon=None), UNKNOWN),
    ("AD-ACC-001", "few_dates_hidden", lambda: users(10, 2, pwd_last_set=None, last_logon=None), PASS),
    ("AD-ACC-001", "nobody_enabled", lambda: users(0, 0), NA),
    ("AD-ACC-002", "181_days", lambda: edit("m.durand", last_logon=ago(181)), FAIL),
    ("AD-ACC-002", "180_days", lambda: edit("m.durand", last_logon=ago(180)), PASS),
    ("AD-ACC-002", "never_used", lambda: edit("m.durand", last_logon=NEVER, created=ago(200)), FAIL),
    ("AD-ACC-002", "never_used_but_new", lambda: edit("m.durand", last_logon=NEVER, created=ago(20)), PASS),
    ("AD-ACC-002", "disabled", lambda: edit("m.durand", uac=NORMAL | 2, last_logon=ago(900)), PASS),
    ("AD-ACC-002", "break_glass", lambda: edit("Administrateur", last_logon=ago(900)), PASS),
    ("AD-ACC-002", "hidden", lambda: edit("m.durand", last_logon=None), UNKNOWN),
    ("AD-ACC-002", "nobody_enabled", lambda: users(0, 0), NA),
    ("AD-ACC-003", "user_in_domain_admins", lambda: edit("m.durand", primary_group=512), FAIL),
    ("AD-ACC-003", "workstation_as_controller", lambda: wks(primary_group=516), FAIL),
    ("AD-ACC-003", "custom_group", lambda: edit("m.durand", primary_group=1111), PASS),
    ("AD-ACC-003", "hidden", lambda: edit("m.durand", primary_group=None), UNKNOWN),
    ("AD-ACC-004", "custom_group", lambda: edit("m.durand", primary_group=1111), FAIL),
    ("AD-ACC-004", "domain_guests", lambda: edit("m.durand", primary_group=514), PASS),
    ("AD-ACC-004", "user_as_computer", lambda: edit("m.durand", primary_group=515), FAIL),
    ("AD-ACC-004", "hidden", lambda: edit("m.durand", primary_group=None), UNKNOWN),
    ("AD-ACC-005", "enabled", lambda: edit("Invité", uac=NORMAL), FAIL),
    ("AD-ACC-005", "hidden", lambda: edit("Invité", uac=None), UNKNOWN),
    ("AD-ACC-005", "no_guest", lambda: without("Invité"), UNKNOWN),
    ("AD-ACC-006", "user", lambda: edit("m.durand", uac=NORMAL | 0x20), FAIL),
    ("AD-ACC-006", "disabled_user", lambda: edit("m.durand", uac=NORMAL | 0x22), PASS),
    ("AD-ACC-006", "computer_in_use", lambda: wks(uac=MACHINE | 0x20), FAIL),
    (
        "AD-ACC-006",
        "computer_never_used_is_the_other_control",
        lambda: wks(uac=MACHINE | 0x20, last_logon=NEVER, logon_count=0),
        PASS,
    ),
    ("AD-ACC-006", "flags_hidden", lambda: edit("m.durand", uac=None), UNKNOWN),
    ("AD-ACC-007", "ten", lambda: policy(machine_account_quota=10), FAIL),
    ("AD-ACC-007", "one", lambda: policy(machine_account_quota=1), FAIL),
    ("AD-ACC-007", "hidden", lambda: policy(machine_account_quota=None), UNKNOWN),
    ("AD-ACC-008", "built_in", lambda: edit("m.durand", sid_history=("S-1-5-32-544",)), FAIL),
    ("AD-ACC-008", "foreign_administrators", lambda: edit("m.durand", sid_history=("S-1-5-21-9-9-9-512",)), FAIL),
    ("AD-ACC-008", "our_administrator", lambda: edit("m.durand", sid_history=(sid(1101),)), FAIL),
    ("AD-ACC-008", "group", lambda: edit("Infirmiers", sid_history=("S-1-5-21-9-9-9-519",)), FAIL),
    ("AD-ACC-008", "ordinary", lambda: edit("m.durand", sid_history=("S-1-5-21-9-9-9-1512",)), PASS),
    ("AD-ACC-009", "ordinary", lambda: edit("m.durand", sid_history=("S-1-5-21-9-9-9-1512",)), FAIL),
    ("AD-ACC-009", "group", lambda: edit("Infirmiers", sid_history=("S-1-5-21-9-9-9-1512",)), FAIL),
    ("AD-ACC-010", "11_percent", lambda: users(100, 11, uac=NORMAL | 0x10000), FAIL),
    ("AD-ACC-010", "10_percent", lambda: users(100, 10, uac=NORMAL | 0x10000), PASS),
    ("AD-ACC-010", "disabled", lambda: users(100, 60, uac=NORMAL | 0x10002), PASS),
    ("AD-ACC-010", "hidden", lambda: users(100, 60, uac=None), UNKNOWN),
    ("AD-ACC-010", "nobody_enabled", lambda: users(0, 0), NA),
    ("AD-ACC-011", "description", lambda: edit("m.durand", secret_hints=("description",)), FAIL),
    ("AD-ACC-012", "candidate", lambda: wks(uac=MACHINE | 0x20, last_logon=NEVER, logon_count=0), FAIL),
    ("AD-ACC-012", "used_once", lambda: wks(uac=MACHINE | 0x20, last_logon=NEVER, logon_count=1), PASS),
    ("AD-ACC-012", "flags_hidden", lambda: wks(uac=None), UNKNOWN),
    ("AD-ACC-012", "no_computer", lambda: without("PC-SOINS-01$", "SRV-DUI$"), NA),
    ("AD-ACC-013", "windows_7", lambda: wks(os="Windows 7 Professionnel", os_version="6.1 (7601)"), FAIL),
    ("AD-ACC-013", "windows_10_22h2", lambda: wks(os="Windows 10 Professionnel", os_version="10.0 (19045)"), FAIL),
    ("AD-ACC-013", "windows_10_ltsc", lambda: wks(os="Windows 10 Entreprise LTSC", os_version="10.0 (17763)"), PASS),
    ("AD-ACC-013", "server_2012", lambda: srv(os="Windows Server 2012 R2 Standard"), FAIL),
    (
        "AD-ACC-013",
        "silent_for_six_months",
        lambda: wks(os="Windows 7 Professionnel", os_version="6.1 (7601)", last_logon=ago(181)),
        PASS,
    ),
    (
        "AD-ACC-013",
        "seen_180_days_ago",
        lambda: wks(os="Windows 7 Professionnel", os_version="6.1 (7601)", last_logon=ago(180)),
        FAIL,
    ),
    ("AD-ACC-013", "no_computer", lambda: without("PC-SOINS-01$", "SRV-DUI$"), NA),
    # --- password policy
    ("AD-PWD-001", "seven_characters", lambda: policy(min_length=7), FAIL),
    ("AD-PWD-001", "eleven_characters", lambda: policy(min_length=11), FAIL),
    ("AD-PWD-001", "no_complexity", lambda: policy(properties=0), FAIL),
    ("AD-PWD-001", "short_history", lambda: policy(history=23), FAIL),
    ("AD-PWD-001", "length_hidden", lambda: policy(min_length=None), UNKNOWN),
    ("AD-PWD-002", "never", lambda: policy(lockout_threshold=0), FAIL),
    ("AD-PWD-002", "eleven", lambda: policy(lockout_threshold=11), FAIL),
    ("AD-PWD-002", "nine_minutes", lambda: policy(lockout_duration=540), FAIL),
    ("AD-PWD-002", "ten_minutes", lambda: policy(lockout_duration=600), PASS),
    ("AD-PWD-002", "until_unlocked", lambda: policy(lockout_duration=0), PASS),
    ("AD-PWD-002", "hidden", lambda: policy(lockout_threshold=None), UNKNOWN),
    ("AD-PWD-002", "duration_hidden", lambda: policy(lockout_duration=None), UNKNOWN),
    ("AD-PWD-003", "reversible", lambda: policy(properties=0x11), FAIL),
    ("AD-PWD-003", "hidden", lambda: policy(properties=None), UNKNOWN),
    # --- member servers
    ("AD-SRV-001", "91_days", lambda: srv(pwd_last_set=ago(91)), FAIL),
    ("AD-SRV-001", "90_days", lambda: srv(pwd_last_set=ago(90)), PASS),
    ("AD-SRV-001", "cluster_name", lambda: srv(pwd_last_set=ago(91), spns=("MSClusterVirtualServer/C",)), NA),
    ("AD-SRV-001", "workstation", lambda: wks(pwd_last_set=ago(91)), PASS),
    ("AD-SRV-001", "hidden", lambda: srv(pwd_last_set=None), UNKNOWN),
    ("AD-SRV-001", "no_server", lambda: without("SRV-DUI$"), NA),
    ("AD-SRV-002", "46_days", lambda: srv(pwd_last_set=ago(46)), FAIL),
    ("AD-SRV-002", "91_days_counts_too", lambda: srv(pwd_last_set=ago(91)), FAIL),
    ("AD-SRV-002", "45_days", lambda: srv(pwd_last_set=ago(45)), PASS),
    ("AD-SRV-002", "never_joined", lambda: srv(pwd_last_set=NEVER), PASS),
    ("AD-SRV-002", "hidden", lambda: srv(pwd_last_set=None), UNKNOWN),
    ("AD-SRV-002", "disabled", lambda: srv(uac=MACHINE | 2, pwd_last_set=ago(91)), NA),
    ("AD-SRV-003", "silent", lambda: srv(last_logon=ago(91)), FAIL),
    ("AD-SRV-003", "90_days", lambda: srv(last_logon=ago(90)), PASS),
    ("AD-SRV-003", "never_seen", lambda: srv(last_logon=NEVER), FAIL),
    ("AD-SRV-003", "never_seen_but_new", lambda: srv(last_logon=NEVER, created=ago(90)), PASS),
    ("AD-SRV-003", "hidden", lambda: srv(last_logon=None), UNKNOWN),
    ("AD-SRV-003", "no_server", lambda: without("SRV-DUI$"), NA),
    # --- settings
    ("AD-CFG-001", "anonymous_address_book", lambda: heuristics(8, "1"), FAIL),
    ("AD-CFG-001", "groups_left_out", lambda: heuristics(16, "f"), FAIL),
    ("AD-CFG-001", "absent", lambda: put(healthy(), ds_heuristics=""), PASS),
    ("AD-CFG-002", "anonymous_operations", lambda: heuristics(7, "2"), FAIL),
    ("AD-CFG-002", "duplicates", lambda: heuristics(21, "1"), FAIL),
    ("AD-CFG-002", "add_check_off", lambda: heuristics(28, "2"), FAIL),
    ("AD-CFG-002", "owner_check_off", lambda: heuristics(29, "2"), FAIL),
    ("AD-CFG-002", "confidential", lambda: heuristics(31, "1"), FAIL),
    ("AD-CFG-002", "absent", lambda: put(healthy(), ds_heuristics=""), PASS),
    ("AD-CFG-003", "absent", lambda: put(healthy(), ds_heuristics=""), FAIL),
    ("AD-CFG-003", "one_of_the_two", lambda: heuristics(29, "0"), FAIL),
    ("AD-CFG-004", "2008", lambda: domain(domain_level=3), FAIL),
    ("AD-CFG-004", "2008_r2", lambda: domain(domain_level=4, forest_level=4), PASS),
    ("AD-CFG-004", "forest_hidden", lambda: domain(forest_level=None), UNKNOWN),
    ("AD-CFG-004", "forest_low_domain_hidden", lambda: domain(forest_level=2, domain_level=None), FAIL),
    ("AD-CFG-005", "2012", lambda: domain(forest_level=5), FAIL),
    ("AD-CFG-005", "2012_r2", lambda: domain(domain_level=6, forest_level=6), PASS),
    ("AD-CFG-005", "hidden", lambda: domain(domain_level=None), UNKNOWN),
    ("AD-CFG-006", "2012_r2", lambda: domain(domain_level=6), FAIL),
    ("AD-CFG-006", "2025", lambda: domain(domain_level=10, forest_level=10), PASS),
    ("AD-CFG-006", "hidden", lambda: domain(domain_level=None), UNKNOWN),
    ("AD-CFG-007", "foreign_share", lambda: menu("adminContextMenu: 3,&Outil,\\\\nas\\outils\\x.vbs"), FAIL),
    ("AD-CFG-007", "sysvol_of_another_domain", lambda: menu("m: \\\\autre.test\\SYSVOL\\x.vbs"), FAIL),
    ("AD-CFG-007", "our_sysvol", lambda: menu("m: \\\\tilleuls.test\\SysVol\\tilleuls.test\\x.vbs"), PASS),
    ("AD-CFG-007", "netlogon_of_a_controller", lambda: menu("m: \\\\dc1\\netlogon\\x.vbs"), PASS),
    ("AD-CFG-007", "local_program", lambda: menu("adminContextMenu: 3,&Outil,C:\\outils\\x.exe"), PASS),
    ("AD-CFG-008", "anonymous", lambda: compatible("S-1-5-11", "S-1-5-7"), FAIL),
    ("AD-CFG-008", "everyone_is_the_other_control", lambda: compatible("S-1-1-0"), PASS),
    ("AD-CFG-008", "members_cut", lambda: edit("Accès compatible pré-Windows 2000", members_cut=True), UNKNOWN),
    ("AD-CFG-008", "no_such_group", lambda: without("Accès compatible pré-Windows 2000"), UNKNOWN),
    ("AD-CFG-009", "everyone", lambda: compatible("S-1-5-11", "S-1-1-0"), FAIL),
    ("AD-CFG-009", "anonymous_counts_too", lambda: compatible("S-1-5-7"), FAIL),
    ("AD-CFG-009", "account", lambda: edit("Accès compatible pré-Windows 2000", members=(ADMIN,)), FAIL),
    ("AD-CFG-009", "empty", compatible, PASS),
    ("AD-CFG-009", "members_cut", lambda: edit("Accès compatible pré-Windows 2000", members_cut=True), UNKNOWN),
    ("AD-CFG-010", "off", lambda: put(healthy(), recycle_bin=False), FAIL),
    (
        "AD-CFG-011",
        "ntfrs",
        lambda: put(healthy(), sysvol_replication=SysvolReplication(ntfrs_sets=(f"CN=SYSVOL,{DN}",))),
        FAIL,
    ),
    (
        "AD-CFG-011",
        "migration_under_way",
        lambda: put(healthy(), sysvol_replication=SysvolReplication(ntfrs_sets=("CN=SYSVOL",), dfsr_flags=32)),
        FAIL,
    ),
    (
        "AD-CFG-011",
        "leftover_of_a_finished_migration",
        lambda: put(healthy(), sysvol_replication=SysvolReplication(ntfrs_sets=("CN=SYSVOL",), dfsr_flags=48)),
        PASS,
    ),
    ("AD-CFG-012", "revision_15", lambda: put(healthy(), adprep_revision=15), FAIL),
    ("AD-CFG-012", "revision_14", lambda: put(healthy(), adprep_revision=14), PASS),
    ("AD-CFG-012", "never_prepared", lambda: put(healthy(), adprep_revision=None), NA),
    ("AD-CFG-013", "off", lambda: policy(smartcard_rollover=False), FAIL),
    ("AD-CFG-013", "hidden", lambda: policy(smartcard_rollover=None), UNKNOWN),
    ("AD-CFG-014", "itself", lambda: loop("Seul"), FAIL),
    ("AD-CFG-014", "three_groups", lambda: loop("A", "B", "C"), FAIL),
    ("AD-CFG-014", "members_cut", lambda: edit("Infirmiers", members_cut=True), UNKNOWN),
    # --- DNS
    ("AD-DNS-001", "domain_zone", lambda: put(healthy(), dns_zones=(zone("Tilleuls.test", allow_update=1),)), FAIL),
    ("AD-DNS-001", "msdcs", lambda: put(healthy(), dns_zones=(zone("_msdcs.tilleuls.test", allow_update=1),)), FAIL),
    (
        "AD-DNS-001",
        "other_zone",
        lambda: put(healthy(), dns_zones=(zone("tilleuls.test"), zone("camera.lan", allow_update=1))),
        PASS,
    ),
    (
        "AD-DNS-001",
        "forest_root_zone",
        lambda: put(
            healthy(),
            domain=domain(configuration_dn="CN=Configuration,DC=groupe,DC=test").domain,
            dns_zones=(zone("_msdcs.groupe.test", allow_update=1),),
        ),
        FAIL,
    ),
    (
        "AD-DNS-001",
        "unreadable",
        lambda: put(healthy(), dns_zones=(zone("tilleuls.test", allow_update=HIDDEN),)),
        UNKNOWN,
    ),
    ("AD-DNS-001", "no_zone", lambda: put(healthy(), dns_zones=()), NA),
    ("AD-DNS-002", "other_zone", lambda: put(healthy(), dns_zones=(zone("camera.lan", allow_update=1),)), FAIL),
    ("AD-DNS-002", "no_property", lambda: put(healthy(), dns_zones=(zone("camera.lan", allow_update=None),)), PASS),
    ("AD-DNS-002", "unreadable", lambda: put(healthy(), dns_zones=(zone("x.lan", allow_update=HIDDEN),)), UNKNOWN),
    ("AD-DNS-002", "no_zone", lambda: put(healthy(), dns_zones=()), NA),
    # --- certificates
    ("AD-PKI-001", "everybody_enrols", esc1, FAIL),
    ("AD-PKI-001", "no_usage_is_any_usage", lambda: esc1(ekus=()), FAIL),
    ("AD-PKI-001", "server_certificate", lambda: esc1(ekus=("1.3.6.1.5.5.7.3.1",)), PASS),
    ("AD-PKI-001", "approval", lambda: esc1(enrollment_flags=2), PASS),
    ("AD-PKI-001", "countersigned", lambda: esc1(ra_signatures=1), PASS),
    ("AD-PKI-001", "subject_from_the_directory", lambda: esc1(name_flags=0), PASS),
    ("AD-PKI-001", "not_issued", lambda: esc1(name="Autre"), PASS),
    ("AD-PKI-001", "authority_not_trusted_for_logon", lambda: put(esc1(), nt_auth=()), PASS),
    ("AD-PKI-001", "administrators_enrol", lambda: put(esc1(), descriptors=descriptors()), PASS),
    ("AD-PKI-001", "rights_hidden", lambda: put(esc1(), descriptors={}), UNKNOWN),
    ("AD-PKI-001", "no_authority", lambda: put(healthy(), enrolment_services=()), NA),
    ("AD-PKI-002", "dsa", lambda: put(healthy(), certificates=(certificate(key="dsa", bits=2048),)), FAIL),
    ("AD-PKI-002", "rsa_1023", lambda: put(healthy(), certificates=(certificate(bits=1023),)), FAIL),
    ("AD-PKI-002", "rsa_1024", lambda: put(healthy(), certificates=(certificate(bits=1024),)), PASS),
    ("AD-PKI-002", "roca", lambda: put(healthy(), certificates=(certificate(roca=True),)), FAIL),
    (
        "AD-PKI-002",
        "expired_user_certificate",
        lambda: put(
            healthy(),
            certificates=(certificate(), certificate(bits=512, trust_container=False, not_after=ago(1))),
        ),
        PASS,
    ),
    (
        "AD-PKI-002",
        "expired_authority",
        lambda: put(healthy(), certificates=(certificate(bits=512, not_after=ago(1)),)),
        FAIL,
    ),
    ("AD-PKI-002", "no_certificate", lambda: put(healthy(), certificates=()), NA),
    (
        "AD-PKI-003",
        "undecodable",
        lambda: put(healthy(), certificates=(certificate(key="undecodable", not_after=None),)),
        FAIL,
    ),
    ("AD-PKI-003", "no_certificate", lambda: put(healthy(), certificates=()), NA),
    ("AD-PKI-004", "rsa_2047", lambda: put(healthy(), certificates=(certificate(bits=2047),)), FAIL),
    ("AD-PKI-004", "rsa_2048", lambda: put(healthy(), certificates=(certificate(bits=2048),)), PASS),
    ("AD-PKI-004", "sha1", lambda: put(healthy(), certificates=(certificate(signature_hash="sha1"),)), FAIL),
    ("AD-PKI-004", "sha3", lambda: put(healthy(), certificates=(certificate(signature_hash="sha3-256"),)), PASS),
    ("AD-PKI-004", "exponent_3", lambda: put(healthy(), certificates=(certificate(exponent=3),)), FAIL),
    (
        "AD-PKI-004",
        "ed25519",
        lambda: put(
            healthy(),
            certificates=(certificate(key="ed25519", bits=256, exponent=0, signature_hash=""),),
        ),
        PASS,
    ),
    ("AD-PKI-004", "no_certificate", lambda: put(healthy(), certificates=()), NA),
    # --- trusts
    ("AD-TRU-001", "unfiltered", lambda: put(healthy(), trusts=(trust(attributes=0),)), FAIL),
    ("AD-TRU-001", "within_forest", lambda: put(healthy(), trusts=(trust(attributes=0x20),)), NA),
    ("AD-TRU-001", "forest", lambda: put(healthy(), trusts=(trust(attributes=0x8),)), NA),
    ("AD-TRU-001", "inbound_only", lambda: put(healthy(), trusts=(trust(attributes=0, direction=1),)), NA),
    ("AD-TRU-001", "unix_realm", lambda: put(healthy(), trusts=(trust(attributes=0, type=3),)), NA),
    ("AD-TRU-002", "history", lambda: put(healthy(), trusts=(trust(attributes=0x48),)), FAIL),
    ("AD-TRU-002", "no_forest", lambda: put(healthy(), trusts=()), NA),
    ("AD-TRU-003", "delegation", lambda: put(healthy(), trusts=(trust(attributes=0x808),)), FAIL),
    ("AD-TRU-003", "outbound_only", lambda: put(healthy(), trusts=(trust(attributes=0x808, direction=2),)), NA),
    ("AD-TRU-004", "366_days", lambda: edit("SIEGE$", pwd_last_set=ago(366)), FAIL),
    ("AD-TRU-004", "365_days", lambda: edit("SIEGE$", pwd_last_set=ago(365)), PASS),
    ("AD-TRU-004", "orphan", lambda: put(healthy(), trusts=()), FAIL),
    ("AD-TRU-004", "hidden", lambda: edit("SIEGE$", pwd_last_set=None), UNKNOWN),
    ("AD-TRU-004", "trusts_hidden", lambda: put(healthy(), trusts=HIDDEN), UNKNOWN),
    ("AD-TRU-004", "no_trust_account", lambda: without("SIEGE$"), NA),
    # --- group policies
    (
        "AD-GPO-001",
        "local_account",
        lambda: put(
            healthy(),
            sysvol=Sysvol(
                server="dc1", files_read=3, gpp_passwords=(GppPassword(path="a\\Groups.xml", element="Groups/User"),)
            ),
        ),
        FAIL,
    ),
    ("AD-GPO-001", "skipped", lambda: put(healthy(), sysvol=Sysvol(server="dc1", files_skipped=1)), UNKNOWN),
    ("AD-LAP-001", "no_schema", lambda: put(healthy(), laps=LapsSchema(legacy=False, windows=False)), FAIL),
    ("AD-LAP-001", "legacy_only", lambda: put(healthy(), laps=LapsSchema(legacy=True, windows=False)), PASS),
    ("AD-LAP-001", "89_percent", lambda: laps_estate(100, 11), FAIL),
    ("AD-LAP-001", "90_percent", lambda: laps_estate(100, 10), PASS),
    ("AD-LAP-001", "no_longer_renewed", lambda: wks(laps_expires=ago(31)), FAIL),
    ("AD-LAP-001", "expired_30_days_ago", lambda: wks(laps_expires=ago(30)), PASS),
    ("AD-LAP-001", "no_computer_in_use", lambda: without("PC-SOINS-01$", "SRV-DUI$"), NA),
    # --- network
    ("AD-NET-001", "optional", lambda: smb(signing_required=False), FAIL),
    ("AD-NET-001", "unknown", lambda: smb(signing_required=HIDDEN), UNKNOWN),
    ("AD-NET-001", "smb_unreachable", lambda: dc_network(smb=HIDDEN), UNKNOWN),
    ("AD-NET-002", "accepted", lambda: smb(smb1=True), FAIL),
    ("AD-NET-002", "unknown", lambda: smb(smb1=HIDDEN), UNKNOWN),
    ("AD-NET-002", "smb_unreachable", lambda: dc_network(smb=HIDDEN), UNKNOWN),
    ("AD-NET-003", "optional", lambda: dc_network(ldap_signing_required=False), FAIL),
    ("AD-NET-003", "unknown", lambda: dc_network(ldap_signing_required=HIDDEN), UNKNOWN),
    ("AD-NET-004", "closed", lambda: ldaps(offered=False, validated=False), FAIL),
    ("AD-NET-004", "unknown_authority", lambda: ldaps(validated=False), FAIL),
    ("AD-NET-004", "pinned", lambda: ldaps(validated=False, pinned=True), PASS),
    ("AD-NET-004", "expired_though_pinned", lambda: ldaps(pinned=True, not_after=ago(1)), FAIL),
    ("AD-NET-004", "expires_this_very_second", lambda: ldaps(not_after=ago(0)), PASS),
    ("AD-NET-004", "unreachable", lambda: dc_network(ldaps=HIDDEN), UNKNOWN),
]


@pytest.mark.parametrize(
    ("control_id", "make", "expected"),
    [(control_id, make, expected) for control_id, _, make, expected in CASES],
    ids=[f"{control_id}-{name}" for control_id, name, _, _ in CASES],
)
def test_one_change(control_id: str, make: Make, expected: Verdict) -> None:
    judgement = one(control_id, make())
    assert judgement.verdict is expected
    assert "{n}" not in judgement.message
    if expected is FAIL:
        assert judgement.evidence


def test_cases_are_not_repeated() -> None:
    names = [(control_id, name) for control_id, name, _, _ in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("control_id", [control.id for control in CATALOGUE.domains["ad"].controls])
def test_every_control_can_fail(control_id: str) -> None:
    assert FAIL in {expected for known, _, _, expected in CASES if known == control_id}


class TestWhoIsPointedAt:
    """Failures name the objects by SID, with a French detail."""

    def test_krbtgt_age_in_days(self) -> None:
        judgement = one("AD-KRB-001", edit("krbtgt", pwd_last_set=ago(400)))
        (found,) = judgement.affected
        assert found.id == sid(502)
        assert found.detail == "mot de passe du 18/10/2025, il y a 400 jours"

    def test_only_the_wrong_accounts(self) -> None:
        facts = edit("m.durand", uac=NORMAL | windows.DES_ONLY)
        assert labels(one("AD-KRB-007", facts)) == {"m.durand"}

    def test_singular_and_plural(self) -> None:
        assert one("AD-DC-005", dc(enctypes=1)).message.startswith("1 contrôleur")
        both = put(
            healthy(),
            accounts=tuple(
                msgspec.structs.replace(a, enctypes=1) if a.primary_group == 516 else a for a in healthy().accounts
            ),
        )
        assert one("AD-DC-005", both).message.startswith("2 contrôleurs")

    def test_shares_and_lengths_agree_in_number(self) -> None:
        assert one("AD-ACC-010", users(5, 1, uac=0x10200)).message.startswith("1 compte utilisateur a un mot de passe")
        assert one("AD-ACC-010", users(5, 2, uac=0x10200)).message.startswith("2 comptes utilisateurs ont un mot")
        told = one("AD-PWD-001", policy(min_length=0, history=1)).message
        assert "0 caractère au lieu de 12; 1 ancien mot de passe refusé au lieu de 24" in told

    def test_secret_is_named_by_its_field_only(self) -> None:
        judgement = one("AD-ACC-011", edit("m.durand", secret_hints=("description", "info")))
        assert judgement.affected[0].detail == "champ description, info : valeur masquée"

    def test_hidden_accounts_do_not_hide_a_failure(self) -> None:
        facts = put(
            edit("m.durand", uac=None),
            accounts=(
                *(a for a in edit("m.durand", uac=None).accounts if a.name != SERVICE),
                user(1103, SERVICE, uac=NORMAL | windows.DES_ONLY),
            ),
        )
        judgement = one("AD-KRB-007", facts)
        assert judgement.verdict is FAIL
        assert "1 non lisibles" in judgement.evidence[0].value

    def test_loops_name_their_groups(self) -> None:
        assert labels(one("AD-CFG-014", loop("A", "B", "C"))) == {"A", "B", "C"}

    def test_two_loops_are_told_apart(self) -> None:
        facts = loop("A", "B")
        more = add(group(7100, "X", (f"CN=X,CN=Users,{DN}",)), group(7101, "Y", (f"CN=A,CN=Users,{DN}",)))
        joined = put(facts, groups=facts.groups + more.groups[-2:])
        judgement = one("AD-CFG-014", joined)
        assert judgement.message.startswith("2 boucles")
        assert labels(judgement) == {"A", "B", "X"}

    def test_unknown_foreign_member_is_named_by_its_sid(self) -> None:
        judgement = one("AD-CFG-009", compatible("S-1-5-11", "S-1-1-0"))
        assert [item.id for item in judgement.affected] == ["S-1-1-0"]

    def test_certificate_is_named_by_its_digest(self) -> None:
        (found,) = one("AD-PKI-002", put(healthy(), certificates=(certificate(bits=512),))).affected
        assert found.id == "aa" * 32
        assert found.detail.startswith("clé RSA de 512 bits (CN=AC Tilleuls")


class TestSeverity:
    """The password policy is judged by degree."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"min_length": 7}, Severity.HIGH),
            ({"min_length": 8}, Severity.MEDIUM),
            ({"min_length": 11, "history": 3}, Severity.MEDIUM),
            ({"properties": 0}, Severity.HIGH),
            ({"history": 23}, Severity.LOW),
        ],
    )
    def test_degree(self, fields: dict[str, int], expected: Severity) -> None:
        assert one("AD-PWD-001", policy(**fields)).severity is expected


class TestSeveralControllers:
    """Network controls judge each controller."""

    @pytest.mark.parametrize("control_id", ["AD-NET-001", "AD-NET-002", "AD-NET-003", "AD-NET-004"])
    def test_one_judgement_per_host(self, control_id: str) -> None:
        weak = network(
            "dc2.tilleuls.test",
            smb=SmbFacts(smb1=True, signing_required=False),
            ldap_signing_required=False,
            ldaps=LdapsFacts(offered=False),
        )
        judgements = judge(control_id, put(healthy(), network=(network(), weak)))
        assert {j.subject: j.verdict for j in judgements} == {
            "dc1.tilleuls.test": PASS,
            "dc2.tilleuls.test": FAIL,
        }

    def test_nothing_probed_is_said(self) -> None:
        (judgement,) = judge("AD-NET-001", put(healthy(), network=()))
        assert judgement.reason == "not_configured"


def test_dates_of_the_test_are_the_dates_of_the_collection() -> None:
    """Guards the boundaries above: they hold to the second."""
    assert NOW.timestamp() - ago(365, 1) == 365 * DAY + 1
    assert SID in sid(500)
