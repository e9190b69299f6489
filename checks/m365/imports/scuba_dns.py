"""SPF, DKIM and DMARC as ScubaGear read them in the DNS.

Each domain has `rdata`, the texts found, and `log`, the questions with their results (`Query returned NXDOMAIN`,
`Query returned 2 txt records`, `Query resulted in exception…`). The policy of an SPF record is not followed: what its
inclusions cost is unknown, and so is the end of a record that redirects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from checks.common.text import clean
from checks.m365.imports.found import Desk
from checks.m365.imports.powershell import listed, objects
from checks.m365.imports.scuba_words import Commands

MAX_TEXT = 2_000
_COMMANDS = {"spf": "Get-ScubaSpfRecord", "dkim": "Get-ScubaDkimRecord", "dmarc": "Get-ScubaDmarcRecord"}
_MICROSOFT = ".onmicrosoft.com"


def mail_dns(desk: Desk, value: Mapping[str, Any], commands: Commands) -> None:
    """Record the reading `mail_dns`; nothing when Exchange was not exported."""
    keys = [f"{what}_records" for what in _COMMANDS]
    if not any(key in value for key in keys):
        return
    found = {what: _by_domain(value.get(f"{what}_records")) for what in _COMMANDS}
    if commands.failed(desk, "mail_dns", tuple(_COMMANDS.values()), empty=not any(found.values())):
        return
    domains = dict.fromkeys(name for records in found.values() for name in records)
    rows = [
        _row(name, {what: records.get(name) for what, records in found.items()})
        for name in domains
        if not name.endswith(_MICROSOFT)
    ]
    desk.rows("mail_dns", rows, what="spf_records, dkim_records, dmarc_records")


def _by_domain(value: Any) -> dict[str, Mapping[str, Any]]:
    rows = objects(value)
    return {clean(row["domain"], 253).lower(): row for row in rows if isinstance(row.get("domain"), str)}


def _row(name: str, found: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    spf, dkim, dmarc = (found[what] for what in ("spf", "dkim", "dmarc"))
    failures = [
        f"ScubaGear n'a pas reçu de réponse du DNS pour {what.upper()} de {name}."
        for what, row in found.items()
        if row is not None and _texts(row) is None
    ]
    row: dict[str, Any] = {"domain": name, "failures": failures}
    if spf is not None:
        row["spf"] = _versioned(spf, "v=spf1")
    if dmarc is not None:
        row["dmarc"] = _versioned(dmarc, "v=dmarc1")
        row["dmarc_at"] = _where(dmarc, name)
    if dkim is not None:
        row["selectors"] = _selectors(dkim)
    return row


def _texts(row: Mapping[str, Any]) -> list[str] | None:
    """The texts found; None when nobody answered, or when the export does not tell."""
    texts = [clean(text, MAX_TEXT) for text in listed(row.get("rdata")) if isinstance(text, str) and text]
    if texts:
        return texts
    return [] if any(_answered(entry) for entry in _log(row)) else None


def _log(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return objects(row.get("log"))


def _answered(entry: Mapping[str, Any]) -> bool:
    """The DNS answered, if only that there is nothing."""
    result = str(entry.get("query_result", "")).lower()
    return result.startswith("query returned") and "response code" not in result


def _versioned(row: Mapping[str, Any], version: str) -> list[str] | None:
    texts = _texts(row)
    if texts is None:
        return None
    return [text for text in texts if _is(text, version)]


def _is(text: str, version: str) -> bool:
    head = text.strip().lower()
    return head == version or (head.startswith(version) and head[len(version)] in " ;")


def _where(row: Mapping[str, Any], name: str) -> str:
    """The domain whose record is given: the last one that was asked about and answered."""
    asked = [
        clean(entry["query_name"], 253).lower().removeprefix("_dmarc.")
        for entry in _log(row)
        if isinstance(entry.get("query_name"), str) and _holds(entry.get("query_answers"), "v=dmarc1")
    ]
    return name if name in asked or not asked else asked[-1]


def _selectors(row: Mapping[str, Any]) -> dict[str, Any]:
    """Selectors that were asked about; ScubaGear stops at the first that exists."""
    found: dict[str, Any] = {}
    for entry in _log(row):
        asked = entry.get("query_name")
        if not isinstance(asked, str) or "._domainkey." not in asked.lower():
            continue
        selector = clean(asked, 253).lower().partition("._domainkey.")[0]
        answers = [text.replace(" ", "") for text in listed(entry.get("query_answers")) if isinstance(text, str)]
        key = any("p=" in text and not text.rstrip(";").endswith("p=") for text in answers)
        if found.get(selector) is None:
            found[selector] = {"target": "", "key": key} if _answered(entry) else None
    if not found and (texts := _texts(row)) is not None:
        found["selector1"] = {"target": "", "key": bool(texts)}
    return found


def _holds(value: Any, version: str) -> bool:
    texts: Iterable[Any] = listed(value)
    return any(isinstance(text, str) and _is(text, version) for text in texts)
