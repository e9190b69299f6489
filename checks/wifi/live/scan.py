"""List the networks around, with the first program of the system that can, the least intrusive first.

| order | command | sends | needs |
|---|---|---|---|
| 1 | `iw dev wlan0 scan passive` | nothing: it listens to beacons on each channel | root |
| 2 | `iw dev wlan0 scan dump` | nothing: what the kernel remembers | nothing |
| 3 | `nmcli … device wifi list --rescan no` | nothing: what NetworkManager remembers | nothing |
| 4 | `wpa_cli -i wlan0 scan_results` | nothing: what wpa_supplicant remembers | its group |
| 5 | `nmcli … --rescan yes`, only with `rescan` | probe requests, as any station | polkit |

On Windows, `netsh wlan show networks mode=bssid`: what Windows remembers, since no command asks it for more.
An old list that is empty proves nothing, and is not taken for an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checks.common.programs import Finished
from checks.common.text import clean
from checks.common.textfile import ParseError, decode
from checks.model import Gap, Reason
from checks.wifi.exports.keys import Keys
from checks.wifi.imported import Imported
from checks.wifi.live.facts import LiveStep
from checks.wifi.live.tools import MAX_OUTPUT, MAX_SAID, SECONDS, Tools, command_line, interfaces
from checks.wifi.recognise import parser_of

NMCLI_COLUMNS = "BSSID,SSID,SSID-HEX,MODE,CHAN,FREQ,SIGNAL,SECURITY,WPA-FLAGS,RSN-FLAGS"
NO_ADAPTER = "Cette machine n'a pas d'adaptateur Wi-Fi."
_TELLING = (
    Reason.PERMISSION,
    Reason.REFUSED,
    Reason.UNREACHABLE,
    Reason.TIMEOUT,
    Reason.MALFORMED,
    Reason.ERROR,
    Reason.UNSUPPORTED,
)
"""Reasons, the one that a person can do most about first."""
_WPA_CLI_HEADER = b"bssid / frequency / signal level / flags / ssid"


class Attempt(NamedTuple):
    """One way to get a list."""

    tool: str
    arguments: tuple[str, ...]
    parser: str
    """Module below `checks.wifi`."""
    cached: bool
    """Gives what the system remembers."""


class Listed(NamedTuple):
    """What a list gave."""

    said: Imported
    step: LiveStep


def attempts(interface: str, *, windows: bool, rescan: bool) -> Iterator[Attempt]:
    """Ways to list the networks, in the order they are tried."""
    if windows:
        chosen = (f"interface={interface}",) if interface else ()
        yield Attempt("netsh", ("wlan", "show", "networks", "mode=bssid", *chosen), "scans.netsh", cached=True)
        return
    yield Attempt("iw", ("dev", interface, "scan", "passive"), "scans.iw", cached=False)
    yield Attempt("iw", ("dev", interface, "scan", "dump"), "scans.iw", cached=True)
    nmcli = ("-m", "multiline", "-f", NMCLI_COLUMNS, "device", "wifi", "list", "ifname", interface, "--rescan")
    yield Attempt("nmcli", (*nmcli, "no"), "scans.nmcli", cached=True)
    yield Attempt("wpa_cli", ("-i", interface, "scan_results"), "scans.wpa_cli", cached=True)
    if rescan:
        yield Attempt("nmcli", (*nmcli, "yes"), "scans.nmcli", cached=False)


def scan(tools: Tools, interface: str = "", *, rescan: bool = False) -> Listed:
    """Networks that this machine sees now, or remembers. Why not, in the step, when it cannot tell."""
    chosen = interface or next(iter(interfaces(tools)), "")
    if not chosen and not tools.windows:
        return _nothing("", [Gap(reason=Reason.UNSUPPORTED, detail=NO_ADAPTER)])
    refusals: list[Gap] = []
    for attempt in _in_order(attempts(chosen, windows=tools.windows, rescan=rescan), rescan=rescan):
        answer = tools.ask(attempt.tool, *attempt.arguments, seconds=SECONDS)
        found = answer if isinstance(answer, Gap) else _read(attempt, answer, tools)
        if isinstance(found, Gap):
            refusals.append(found)
            continue
        step = LiveStep(
            interface=chosen,
            tool=attempt.tool,
            command=command_line(attempt.tool, attempt.arguments, windows=tools.windows),
            networks=len(found.networks),
            cached=attempt.cached,
        )
        return Listed(found._replace(limits=(*found.limits, *_limits(step, refusals, rescan=rescan))), step)
    return _nothing(chosen, refusals)


def _in_order(every: Iterator[Attempt], *, rescan: bool) -> Sequence[Attempt]:
    """Fresh lists first when the profile asks for one: `sorted` keeps the order of equals."""
    return sorted(every, key=lambda attempt: attempt.cached) if rescan else tuple(every)


def _read(attempt: Attempt, answer: Finished, tools: Tools) -> Imported | Gap:
    name = command_line(attempt.tool, attempt.arguments, windows=tools.windows)
    if not answer.out.replace(_WPA_CLI_HEADER, b"").strip():
        if not attempt.cached:
            return Imported()
        return Gap(reason=Reason.UNREACHABLE, detail=f"{attempt.tool} : aucun réseau en mémoire")
    parser = parser_of(attempt.parser)
    try:
        file = decode(name, answer.out)
        # Asked first: a parser may need long to find nothing in a long text of another kind.
        found = parser.parse(file, Keys()) if parser.recognise(file) else None
    except ParseError as error:
        return Gap(
            reason=Reason.MALFORMED, detail=f"{attempt.tool} : réponse non comprise ({clean(str(error), MAX_SAID)})"
        )
    if found is None:
        return Gap(reason=Reason.MALFORMED, detail=f"{attempt.tool} : réponse non comprise")
    if answer.cut:
        cut = f"La réponse de {attempt.tool} dépasse {MAX_OUTPUT // 1_000_000} Mo : la suite n'est pas lue."
        return found._replace(limits=(*found.limits, cut))
    return found


def _limits(step: LiveStep, refusals: Sequence[Gap], *, rescan: bool) -> Iterator[str]:
    """What the reader of this list must know."""
    if step.cached:
        yield (
            f"Relevé fait sur place avec « {step.command} », qui donne ce que le système a en mémoire : la liste peut "
            "dater de quelques minutes, ou se réduire au réseau rejoint."
        )
        if any(gap.reason is Reason.PERMISSION and gap.detail.startswith("iw ") for gap in refusals):
            yield "Un relevé frais et complet demande les droits d'administration (« iw … scan » les exige)."
        elif step.tool != "netsh" and not rescan:
            yield "« rescan = true » demande au système une recherche fraîche, qui émet."
    elif step.tool == "nmcli":
        yield f"Relevé fait sur place avec « {step.command} » : cette recherche a émis, comme celle de tout poste."


def _nothing(interface: str, refusals: Sequence[Gap]) -> Listed:
    reason = min((gap.reason for gap in refusals), key=_TELLING.index)
    told = " ; ".join(dict.fromkeys(gap.detail.rstrip(".") for gap in refusals))
    where = f"Aucun relevé possible avec {interface} : " if interface else ""
    gap = Gap(reason=reason, detail=f"{where}{told}.")
    limit = f"Réseaux visibles d'ici non relevés. {gap.detail}"
    return Listed(Imported(limits=(limit,)), LiveStep(interface=interface, gap=gap))
