"""A real FreeRADIUS with a configuration of its own, in a folder of the test, on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest

from tests.wifi.radius import pki

SECRET = "un-secret-de-laboratoire-8f3a"
USER, PASSWORD = "infirmiere", "Tilleuls-2026-essai"
WAIT = 15

CONFIGURATION = """
prefix = /usr
exec_prefix = /usr
name = essai
raddbdir = "{root}"
confdir = "{root}"
logdir = "{root}"
run_dir = "{root}"
db_dir = "{root}"
libdir = /usr/lib/freeradius
pidfile = "{root}/essai.pid"
max_request_time = 10
cleanup_delay = 2
max_requests = 1024
hostname_lookups = no
log {{
    destination = files
    file = "{root}/radius.log"
    auth = yes
    auth_badpass = no
    auth_goodpass = {goodpass}
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
    allow_vulnerable_openssl = yes
}}
proxy_requests = no
client essai {{
    ipaddr = {address}
    secret = "{secret}"
    require_message_authenticator = {require}
}}
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
    max_requests_per_server = 0
}}
modules {{
    always reject {{
        rcode = reject
    }}
    always ok {{
        rcode = ok
    }}
    pap {{
    }}
    mschap {{
        use_mppe = yes
    }}
    files {{
        usersfile = "{root}/users"
        acctusersfile = "{root}/users"
        preproxy_usersfile = "{root}/users"
    }}
    eap {{
        default_eap_type = {first}
        timer_expire = 60
        ignore_unknown_eap_types = no
        cisco_accounting_username_bug = no
        max_sessions = 1024
        tls-config common {{
            private_key_file = "{root}/server.key"
            certificate_file = "{root}/server.pem"
            ca_file = "{root}/clients-ca.pem"
            cipher_list = "ALL:@SECLEVEL=0"
            tls_min_version = "{oldest}"
            tls_max_version = "{newest}"
            ecdh_curve = ""
            fragment_size = {fragment}
            check_crl = no
            cache {{
                enable = no
            }}
        }}
        {methods}
    }}
    eap inner_eap {{
        default_eap_type = mschapv2
        timer_expire = 60
        max_sessions = 1024
        mschapv2 {{
        }}
        gtc {{
            auth_type = PAP
        }}
        md5 {{
        }}
    }}
}}
server essai {{
    listen {{
        type = auth
        ipaddr = {address}
        port = {port}
    }}
    authorize {{
        eap {{
            ok = return
        }}
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
}}
server inner {{
    authorize {{
        mschap
        inner_eap {{
            ok = return
        }}
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
        inner_eap
    }}
}}
"""
OPENSSL = """
openssl_conf = settings
[settings]
ssl_conf = tls
[tls]
system_default = everything
[everything]
CipherString = ALL:@SECLEVEL=0
"""
"""Short keys and old versions are what the tests look for."""
METHODS = {
    "md5": "md5 {\n}",
    "gtc": "gtc {\nauth_type = PAP\n}",
    "mschapv2": "mschapv2 {\n}",
    "tls": "tls {\ntls = common\n}",
    "ttls": "ttls {\ntls = common\ndefault_eap_type = md5\nvirtual_server = inner\n}",
    "peap": "peap {\ntls = common\ndefault_eap_type = mschapv2\nvirtual_server = inner\n}",
    "pwd": "pwd {\ngroup = 19\nserver_id = radius.tilleuls.test\nfragment_size = 1020\nvirtual_server = inner\n}",
    "fast": (
        'fast {\ntls = common\ndefault_eap_type = mschapv2\ncipher_list = "ALL:@SECLEVEL=0"\nvirtual_server = inner\n'
        'pac_lifetime = 604800\nauthority_identity = "1234"\npac_opaque_key = "0123456789abcdef0123456789ABCDEF"\n}'
    ),
}


def need(*programs):
    missing = [one for one in programs if not (shutil.which(one) or shutil.which(one, path="/usr/sbin:/sbin"))]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """Where a running FreeRADIUS is, and what it logged."""

    def __init__(self, root, port):
        self.root = root
        self.port = port

    def log(self):
        return (self.root / "radius.log").read_text("utf-8", "replace")

    def logins(self, word):
        """Lines of its log for attempts at authentication: `Login OK`, `Login incorrect`."""
        return [line for line in self.log().splitlines() if word in line]


def write(
    root,
    port,
    server,
    clients_ca,
    *,
    methods,
    first=None,
    versions=("1.2", "1.2"),
    require="no",
    fragment=1024,
    users=f'{USER} Cleartext-Password := "{PASSWORD}"',
    goodpass="no",
    address="127.0.0.1",
):
    root.mkdir(parents=True)
    (root / "radiusd.conf").write_text(
        CONFIGURATION.format(
            root=root,
            port=port,
            secret=SECRET,
            require=require,
            first=first or methods[0],
            oldest=versions[0],
            newest=versions[1],
            fragment=fragment,
            goodpass=goodpass,
            address=address,
            methods="\n".join(METHODS[one] for one in methods),
        )
    )
    (root / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (root / "users").write_text(users + "\n")
    chain = server if isinstance(server, (list, tuple)) and not hasattr(server, "pem") else [server]
    (root / "server.pem").write_bytes(b"".join(one.pem for one in chain))
    (root / "server.key").write_bytes(chain[0].key_pem)
    (root / "clients-ca.pem").write_bytes(clients_ca.pem)


@contextlib.contextmanager
def running(root, server, clients_ca, *, netns=None, port=None, **settings):
    """FreeRADIUS, for as long as the block lasts; stopped by its pid."""
    need("freeradius")
    port = port or free_port()
    write(root, port, server, clients_ca, **settings)
    argv = [shutil.which("freeradius", path="/usr/sbin:/usr/bin"), "-f", "-d", str(root), "-n", "radiusd"]
    if netns:
        argv = ["ip", "netns", "exec", netns, *argv]
    (root / "openssl.cnf").write_text(OPENSSL)
    environment = os.environ | {"OPENSSL_CONF": str(root / "openssl.cnf")}
    with (root / "output").open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        found = Server(root, port)
        for _ in range(WAIT * 20):
            if (root / "radius.log").exists() and "Ready to process requests" in found.log():
                break
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            process.kill()
        if process.poll() is not None or "Ready to process requests" not in found.log():
            said = (root / "output").read_text("utf-8", "replace")
            pytest.fail(
                f"FreeRADIUS did not start: {said[-2000:]}{found.log()[-2000:] if (root / 'radius.log').exists() else ''}"
            )
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def materials():
    """An authority and the certificate of a server."""
    ca = pki.authority()
    return ca, pki.leaf(ca)
