"""Rules of Veeam's Security & Compliance Analyzer, under names of ours.

Identifiers are those of the product, as published by AsBuiltReport.Veeam.VBR (MIT). The REST answer gives the name of
a rule in `bestPractice`; whether it writes the identifier or the sentence of the console could not be checked on a
server, so both are recognised: the sentence by words that only it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from checks.backup.technologies import http_values as values

RULES: Mapping[str, tuple[str, str]] = {
    "immutable_or_offline": ("ImmutableOrOfflineMediaPresence", r"immutable or offline"),
    "backup_copies": ("ContainBackupCopies", r"3-2-1|at least one copy"),
    "buckets_in_compliance_mode": ("OsBucketsInComplianceMode", r"compliance mode"),
    "cloud_jobs_encrypted": ("JobsTargetingCloudRepositoriesEncrypted", r"cloud repositor"),
    "config_backup_enabled": ("ConfigurationBackupEnabled", r"configuration backup (?:must|should|is) be? ?enabled$"),
    "config_backup_encrypted": ("ConfigurationBackupEncryptionEnabled", r"configuration backup.*encrypt"),
    "config_backup_encrypted_too": ("ConfigurationBackupEnabledAndEncrypted", r"configuration backup.*use encryption"),
    "config_backup_not_local": ("ConfigurationBackupRepositoryNotLocal", r"configuration backup.*not (?:be )?stored"),
    "password_loss_protection": ("LossProtectionEnabled", r"password loss"),
    "not_in_production_domain": ("BackupServerInProductionDomain", r"production domain|workgroup"),
    "up_to_date": ("BackupServerUpToDate", r"up to date|latest updates"),
    "mfa_console": ("MfaEnabledInBackupConsole", r"\bMFA\b|multi-?factor"),
    "email_notifications": ("EmailNotificationsEnabled", r"e-?mail notification"),
    "no_reverse_incremental": ("ReverseIncrementalInUse", r"reverse incremental"),
    "hardened_ssh_disabled": ("HardenedRepositorySshDisabled", r"hardened repositor.*\bSSH\b"),
    "hardened_not_virtual": ("HardenedRepositoryNotVirtual", r"hardened repositor.*virtual"),
    "hardened_not_proxy": ("HardenedRepositoryNotContainsNBDProxies", r"hardened repositor.*prox"),
    "passwords_rotated": ("PasswordsRotation", r"rotat"),
    "traffic_encrypted": ("TrafficEncryptionEnabled", r"encryption network rules"),
    "services_local_system": ("BackupServicesUnderLocalSystem", r"LocalSystem"),
    "linux_hosts_trusted_by_hand": ("ManualLinuxHostAuthentication", r"unknown Linux"),
    "linux_ssh_keys": ("LinuxServersUsingSSHKeys", r"Linux servers.*password-based"),
    "encryption_password_strength": ("EncryptionPasswordsComplexityRules", r"encryption password length"),
    "smb1_disabled": ("SMB1ProtocolDisabled", r"SMB v?1"),
    "llmnr_disabled": ("LLMNRDisabled", r"LLMNR"),
    "netbios_disabled": ("NetBiosDisabled", r"NetBIOS"),
    "wdigest_disabled": ("WDigestNotStorePasswordsInMemory", r"WDigest"),
    "lsass_protected": ("LsassProtectedProcess", r"LSASS"),
    "remote_registry_disabled": ("RemoteRegistryDisabled", r"remote registry"),
    "winrm_disabled": ("WinRmServiceDisabled", r"WinRM"),
    "rdp_disabled": ("RemoteDesktopServiceDisabled", r"remote desktop"),
    "script_host_disabled": ("WindowsScriptHostDisabled", r"script host"),
    "wpad_disabled": ("WebProxyAutoDiscoveryDisabled", r"WinHttpAutoProxySvc|proxy auto-?discovery"),
    "old_tls_disabled": ("OutdatedSslAndTlsDisabled", r"outdated SSL|deprecated.*(?:SSL|TLS)"),
    "firewall_enabled": ("WindowsFirewallEnabled", r"firewall should be enabled|Windows firewall"),
    "smb_signing": ("CSmbSigningAndEncryptionEnabled", r"SMB v?3"),
}
"""Our name, the product's identifier, words of the console's sentence."""
_BY_ID = {identifier.casefold(): ours for ours, (identifier, _) in RULES.items()}
_BY_WORDS = tuple((ours, re.compile(words, re.IGNORECASE)) for ours, (_, words) in RULES.items())
_STATES = {"ok": True, "passed": True, "violation": False}
MAX_NAMES = 500


def name_of(rule: str) -> str:
    """Our name of a rule; empty for one we do not know."""
    if known := _BY_ID.get(rule.replace(" ", "").casefold()):
        return known
    return next((ours for ours, words in _BY_WORDS if words.search(rule)), "")


def settings(rows: Iterable[Mapping[str, Any]]) -> dict[str, bool | int | str]:
    """What the analyzer found: one setting for each rule it could judge, and counts of the others.

    True: the rule is respected. A rule the administrator suppressed is not respected, nor violated: it is counted.
    """
    found: dict[str, bool | int | str] = {}
    violated: list[str] = []
    counts = {"analyzer_suppressed": 0, "analyzer_unable": 0, "analyzer_rules": 0}
    for row in rows:
        rule = values.text(row, "bestPractice")
        state = values.text(row, "status").casefold()
        if not rule:
            continue
        counts["analyzer_rules"] += 1
        if state == "suppressed":
            counts["analyzer_suppressed"] += 1
        elif state not in _STATES:
            counts["analyzer_unable"] += 1
        else:
            if not _STATES[state]:
                violated.append(rule)
            if ours := name_of(rule):
                found[ours] = _STATES[state] and found.get(ours) is not False
    if "config_backup_encrypted_too" in found:
        both = found.pop("config_backup_encrypted_too")
        found.setdefault("config_backup_encrypted", both)
    return {
        **found,
        **counts,
        "analyzer_violations": len(violated),
        "analyzer_violated": values.text(" ; ".join(violated), limit=MAX_NAMES),
    }
