r"""Windows Defender Firewall of one machine.

Recommended export, one line in an elevated PowerShell prompt (what is applied, group policies included, with the
filters of each rule and the settings of the profiles):

    $s='ActiveStore'; function K($x){$h=@{}; foreach($i in $x){$h[$i.InstanceID]=$i}; $h}; function J($x){@($x) -join ','}; $p=K(Get-NetFirewallPortFilter -PolicyStore $s); $a=K(Get-NetFirewallAddressFilter -PolicyStore $s); $g=K(Get-NetFirewallApplicationFilter -PolicyStore $s); $v=K(Get-NetFirewallServiceFilter -PolicyStore $s); $f=K(Get-NetFirewallInterfaceFilter -PolicyStore $s); $t=K(Get-NetFirewallInterfaceTypeFilter -PolicyStore $s); $c=K(Get-NetFirewallSecurityFilter -PolicyStore $s); [pscustomobject]@{format='ausculte/windows-firewall'; computer=$env:COMPUTERNAME; version="$([Environment]::OSVersion.Version)"; profiles=@(Get-NetFirewallProfile -PolicyStore $s | ForEach-Object {[pscustomobject]@{Name="$($_.Name)"; Enabled="$($_.Enabled)"; DefaultInboundAction="$($_.DefaultInboundAction)"; DefaultOutboundAction="$($_.DefaultOutboundAction)"; AllowInboundRules="$($_.AllowInboundRules)"; AllowLocalFirewallRules="$($_.AllowLocalFirewallRules)"}}); rules=@(Get-NetFirewallRule -PolicyStore $s | ForEach-Object {$k=$_.InstanceID; [pscustomobject]@{Name=$_.Name; DisplayName=$_.DisplayName; DisplayGroup=$_.DisplayGroup; Description=$_.Description; Enabled="$($_.Enabled)"; Direction="$($_.Direction)"; Action="$($_.Action)"; Profile="$($_.Profile)"; PolicyStoreSource=$_.PolicyStoreSource; PolicyStoreSourceType="$($_.PolicyStoreSourceType)"; Owner=$_.Owner; Platform=J $_.Platform; RemoteDynamicKeywordAddresses=J $_.RemoteDynamicKeywordAddresses; Protocol=$p[$k].Protocol; LocalPort=J $p[$k].LocalPort; RemotePort=J $p[$k].RemotePort; IcmpType=J $p[$k].IcmpType; LocalAddress=J $a[$k].LocalAddress; RemoteAddress=J $a[$k].RemoteAddress; Program=$g[$k].Program; Package=$g[$k].Package; Service=$v[$k].Service; InterfaceAlias=J $f[$k].InterfaceAlias; InterfaceType="$($t[$k].InterfaceType)"; Authentication="$($c[$k].Authentication)"; Encryption="$($c[$k].Encryption)"; OverrideBlockRules="$($c[$k].OverrideBlockRules)"; LocalUser=$c[$k].LocalUser; RemoteUser=$c[$k].RemoteUser; RemoteMachine=$c[$k].RemoteMachine}})} | ConvertTo-Json -Depth 4 | Set-Content -Encoding UTF8 pare-feu.json

Also read: the CSV of the same rules, a bare `Get-NetFirewallRule | ConvertTo-Json` (addresses and ports are then
unknown), `netsh advfirewall firewall show rule name=all verbose` in English or French, and the registry
(`reg export HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy pare-feu.reg`, and the same
for `HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall`).

Not verified on a real Windows: the command above, and the labels and values of the French netsh. Formats come from
[MS-GPFAS], [MS-FASP] and the documentation of the NetSecurity module.
"""  # noqa: E501 - a command people paste stays on one line

from __future__ import annotations

from collections.abc import Sequence

from checks.firewall.facts import Device
from checks.firewall.parsers import windows_netsh as netsh
from checks.firewall.parsers import windows_powershell as powershell
from checks.firewall.parsers import windows_registry as registry
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.firewall.parsers.windows_rules import device_of

TITLE = "Windows Defender"
TOGETHER = False


def recognise(file: SourceFile) -> bool:
    """Any of the exports listed above."""
    return (
        powershell.recognise_json(file)
        or powershell.recognise_csv(file)
        or registry.recognise(file)
        or netsh.recognise(file)
    )


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One machine per file. Raises `ParseError`."""
    return tuple(device for file in files for device in _parse(file))


def _parse(file: SourceFile) -> tuple[Device, ...]:
    builder = DeviceBuilder("windows", (file,))
    if powershell.recognise_json(file) or powershell.recognise_csv(file):
        return _powershell(file, builder)
    if registry.recognise(file):
        rules, profiles, limits = registry.read(file, builder)
        return device_of(builder, rules, profiles, limits=limits)
    if netsh.recognise(file):
        rules, profiles = netsh.read(file, builder)
        return device_of(builder, rules, profiles)
    raise ParseError("ce n'est pas un export du pare-feu Windows", file.name)


def _powershell(file: SourceFile, builder: DeviceBuilder) -> tuple[Device, ...]:
    is_json = powershell.recognise_json(file)
    found = powershell.read_json(file, builder) if is_json else powershell.read_csv(file, builder)
    limits = []
    if found.without_filters:
        limits.append(
            f"{found.without_filters} règles sans adresses ni ports : Get-NetFirewallRule seul ne les donne pas."
        )
    return device_of(
        builder,
        found.rules,
        found.profiles,
        name=found.computer,
        firmware=f"Windows {found.version}" if found.version else "",
        limits=limits,
    )
