"""Names that Linux firewall rules may hold instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping

PORT_NAMES: Mapping[str, int] = {
    "tcpmux": 1, "echo": 7, "discard": 9, "systat": 11, "daytime": 13, "netstat": 15, "chargen": 19, "ftp-data": 20,
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "mail": 25, "time": 37, "whois": 43, "tacacs": 49, "domain": 53,
    "bootps": 67, "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88,
    "iso-tsap": 102, "acr-nema": 104, "dicom": 104, "pop2": 109, "pop3": 110, "sunrpc": 111, "portmapper": 111,
    "auth": 113, "ident": 113, "nntp": 119, "ntp": 123, "epmap": 135, "loc-srv": 135, "netbios-ns": 137,
    "netbios-dgm": 138, "netbios-ssn": 139, "imap2": 143, "imap": 143, "snmp": 161, "snmp-trap": 162,
    "snmptrap": 162, "cmip-man": 163, "xdmcp": 177, "bgp": 179, "irc": 194, "ldap": 389, "svrloc": 427, "https": 443,
    "microsoft-ds": 445, "kpasswd": 464, "submissions": 465, "urd": 465, "ssmtp": 465, "smtps": 465, "saft": 487,
    "isakmp": 500, "exec": 512, "biff": 512, "login": 513, "who": 513, "shell": 514, "syslog": 514, "printer": 515,
    "talk": 517, "ntalk": 518, "route": 520, "router": 520, "uucp": 540, "klogin": 543, "kshell": 544,
    "dhcpv6-client": 546, "dhcpv6-server": 547, "afpovertcp": 548, "rtsp": 554, "nntps": 563, "submission": 587,
    "ipp": 631, "ldaps": 636, "kerberos-adm": 749, "domain-s": 853, "rsync": 873, "ftps-data": 989, "ftps": 990,
    "telnets": 992, "imaps": 993, "pop3s": 995, "socks": 1080, "openvpn": 1194, "rmiregistry": 1099,
    "ms-sql-s": 1433, "ms-sql-m": 1434, "l2f": 1701, "l2tp": 1701, "pptp": 1723, "radius": 1812, "radius-acct": 1813,
    "cisco-sccp": 2000, "nfs": 2049, "cvspserver": 2401, "mysql": 3306, "ms-wbt-server": 3389, "rdp": 3389,
    "svn": 3690, "iax": 4569, "epmd": 4369, "ipsec-nat-t": 4500, "sip": 5060, "sip-tls": 5061, "xmpp-client": 5222,
    "xmpp-server": 5269, "mdns": 5353, "postgresql": 5432, "amqp": 5672, "amqps": 5671, "x11": 6000, "redis": 6379,
    "bacula-dir": 9101, "bacula-fd": 9102, "bacula-sd": 9103, "git": 9418, "webmin": 10000, "zabbix-agent": 10050,
    "zabbix-trapper": 10051, "http-alt": 8080, "webcache": 8080,
}  # fmt: skip
"""Ports whose name has one usual meaning; others are kept unresolved."""

ICMP_TYPES: Mapping[str, tuple[int, int | None]] = {
    "echo-reply": (0, None), "pong": (0, None), "destination-unreachable": (3, None), "source-quench": (4, None),
    "redirect": (5, None), "echo-request": (8, None), "ping": (8, None), "router-advertisement": (9, None),
    "router-solicitation": (10, None), "time-exceeded": (11, None), "ttl-exceeded": (11, None),
    "parameter-problem": (12, None), "timestamp-request": (13, None), "timestamp-reply": (14, None),
    "info-request": (15, None), "info-reply": (16, None), "address-mask-request": (17, None),
    "address-mask-reply": (18, None), "network-unreachable": (3, 0), "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2), "port-unreachable": (3, 3), "fragmentation-needed": (3, 4),
    "source-route-failed": (3, 5), "network-unknown": (3, 6), "host-unknown": (3, 7), "network-prohibited": (3, 9),
    "host-prohibited": (3, 10), "TOS-network-unreachable": (3, 11), "TOS-host-unreachable": (3, 12),
    "communication-prohibited": (3, 13), "host-precedence-violation": (3, 14), "precedence-cutoff": (3, 15),
    "network-redirect": (5, 0), "host-redirect": (5, 1), "TOS-network-redirect": (5, 2), "TOS-host-redirect": (5, 3),
    "ttl-zero-during-transit": (11, 0), "ttl-zero-during-reassembly": (11, 1), "ip-header-bad": (12, 0),
    "required-option-missing": (12, 1),
}  # fmt: skip

ICMP6_TYPES: Mapping[str, tuple[int, int | None]] = {
    "destination-unreachable": (1, None), "packet-too-big": (2, None), "time-exceeded": (3, None),
    "ttl-exceeded": (3, None), "parameter-problem": (4, None), "echo-request": (128, None), "ping": (128, None),
    "echo-reply": (129, None), "pong": (129, None), "mld-listener-query": (130, None),
    "mld-listener-report": (131, None), "mld-listener-done": (132, None), "mld-listener-reduction": (132, None),
    "router-solicitation": (133, None), "nd-router-solicit": (133, None), "router-advertisement": (134, None),
    "nd-router-advert": (134, None), "neighbour-solicitation": (135, None), "neighbor-solicitation": (135, None),
    "nd-neighbor-solicit": (135, None), "neighbour-advertisement": (136, None), "neighbor-advertisement": (136, None),
    "nd-neighbor-advert": (136, None), "redirect": (137, None), "nd-redirect": (137, None),
    "router-renumbering": (138, None), "ind-neighbor-solicit": (141, None), "ind-neighbor-advert": (142, None),
    "mld2-listener-report": (143, None), "no-route": (1, 0), "communication-prohibited": (1, 1),
    "beyond-scope": (1, 2), "address-unreachable": (1, 3), "port-unreachable": (1, 4), "failed-policy": (1, 5),
    "reject-route": (1, 6), "ttl-zero-during-transit": (3, 0), "ttl-zero-during-reassembly": (3, 1),
    "bad-header": (4, 0), "unknown-header-type": (4, 1), "unknown-option": (4, 2),
}  # fmt: skip

TCP_FLAGS: Mapping[str, int] = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
OPENING = TCP_FLAGS["syn"]
"""Flags of the segment that opens a connection: what the model calls a `new` TCP packet."""

OPENING_LIMIT = (
    "Des règles testent les drapeaux TCP : une connexion TCP nouvelle est supposée s'ouvrir par un segment SYN seul ; "
    "les autres segments hors connexion sont considérés comme invalides."
)
