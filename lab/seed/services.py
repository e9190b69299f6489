"""Faults of what surrounds the directory: certificates, trusts, group policies, local administrator passwords."""

from __future__ import annotations

import base64
import secrets
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import ldb
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from directory import (
    BYPASS_PASSWORD,
    RELAX,
    TRUST_ACCOUNT,
    Directory,
    random_password,
)

_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
_ENROLL = "0e10c968-78fb-11d2-90d4-00c04f79dc55"
_YEAR_PERIOD = struct.pack("<q", -365 * 86400 * 10_000_000)
GPO = "{6F2B7C1E-4D0A-4C55-9E39-0A1B7F5D2C10}"


def _certificate(name: str, bits: int, algorithm: hashes.HashAlgorithm, days: int = 700) -> bytes:
    """Return a self-signed certificate in DER."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(timezone.utc) - timedelta(days=200)  # noqa: UP017 - older system interpreters
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .sign(key, algorithm)
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def weak_certificates(directory: Directory) -> None:
    """Three personal certificates: RSA 768, undecodable, RSA 1024 with SHA-1."""
    # SHA-256: a 768-bit key has no room for more.
    directory.set(directory.dn("ilambert"), userCertificate=[_small_certificate()])
    directory.set(directory.dn("cfournier"), userCertificate=[b"\x30\x82\x01\x00certificat tronque"])
    directory.set(directory.dn("pfaure"), userCertificate=[_certificate("Philippe Faure", 1024, hashes.SHA1())])  # noqa: S303
    # Sound counterpart.
    directory.set(directory.dn("vsimon"), userCertificate=[_certificate("Valérie Simon", 2048, hashes.SHA256())])


def _small_certificate() -> bytes:
    """Return a certificate with a 768-bit key; libraries refuse to make one, the openssl command still does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cert.der"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:768", "-sha256", "-nodes", "-days", "700", "-batch"]
        command += ["-outform", "DER", "-subj", "/CN=Isabelle Lambert"]
        subprocess.run(
            [*command, "-keyout", f"{folder}/key.pem", "-out", str(path)],
            check=True,
            capture_output=True,
            timeout=60,
        )
        return path.read_bytes()


def replace_weak_certificates(directory: Directory) -> None:
    """Six months later: the two worst were replaced; RSA 1024 remains."""
    for sam, name in (("ilambert", "Isabelle Lambert"), ("cfournier", "Céline Fournier")):
        directory.set(directory.dn(sam), userCertificate=[_certificate(name, 2048, hashes.SHA256())])


def certificate_services(directory: Directory) -> None:
    """An enterprise CA, and a template that lets anybody ask for anybody's certificate."""
    services = f"CN=Public Key Services,CN=Services,{directory.config}"
    certificate = _certificate("Les Tilleuls - AC", 2048, hashes.SHA256(), days=3650)
    open_template = _template(directory, "Tilleuls-VPN", name_flag=1, usages=[_CLIENT_AUTH])
    # Sound counterpart: the same template with a subject built from the directory.
    _template(directory, "Tilleuls-Poste", name_flag=0x18000000, usages=[_CLIENT_AUTH, _SERVER_AUTH])
    directory.acl.dacl_add_ace(open_template, f"(OA;;CR;{_ENROLL};;AU)")
    _ensure_container(directory, "Enrollment Services", services)
    directory.add(
        f"CN=Les Tilleuls - AC,CN=Enrollment Services,{services}",
        "pKIEnrollmentService",
        dNSHostName=f"srv-intranet.{directory.realm}",
        cACertificate=certificate,
        cACertificateDN="CN=Les Tilleuls - AC",
        certificateTemplates=["Tilleuls-VPN", "Tilleuls-Poste"],
        flags="10",
    )
    _certification_authority(directory, f"CN=NTAuthCertificates,{services}", certificate)


def _ensure_container(directory: Directory, name: str, parent: str) -> None:
    if not directory.exists(f"CN={name},{parent}"):
        directory.add(f"CN={name},{parent}", "container")


def _certification_authority(directory: Directory, dn: str, certificate: bytes) -> None:
    if directory.exists(dn):
        directory.set(dn, cACertificate=certificate)
        return
    directory.add(
        dn,
        "certificationAuthority",
        cACertificate=certificate,
        authorityRevocationList=b"\x00",
        certificateRevocationList=b"\x00",
    )


def _template(directory: Directory, name: str, name_flag: int, usages: list[str]) -> str:
    container = f"CN=Public Key Services,CN=Services,{directory.config}"
    _ensure_container(directory, "Certificate Templates", container)
    return directory.add(
        f"CN={name},CN=Certificate Templates,{container}",
        "pKICertificateTemplate",
        displayName=name,
        flags="131642",
        revision="100",
        pKIDefaultKeySpec="1",
        pKIMaxIssuingDepth="0",
        pKIExtendedKeyUsage=usages,
        pKIExpirationPeriod=_YEAR_PERIOD,
        pKIOverlapPeriod=struct.pack("<q", -42 * 86400 * 10_000_000),
        **{
            "msPKI-RA-Signature": "0",
            "msPKI-Enrollment-Flag": "0",
            "msPKI-Private-Key-Flag": "16",
            "msPKI-Certificate-Name-Flag": str(name_flag),
            "msPKI-Minimal-Key-Size": "2048",
            "msPKI-Template-Schema-Version": "2",
            "msPKI-Template-Minor-Revision": "1",
            "msPKI-Cert-Template-OID": f"1.3.6.1.4.1.311.21.8.{sum(name.encode())}.1",
            "msPKI-Certificate-Application-Policy": usages,
        },
    )


def close_template(directory: Directory) -> None:
    """Six months later: the subject comes from the directory."""
    templates = f"CN=Certificate Templates,CN=Public Key Services,CN=Services,{directory.config}"
    directory.set(f"CN=Tilleuls-VPN,{templates}", msPKI__Certificate__Name__Flag=str(0x18000000))


def trusts(directory: Directory) -> None:
    """A former association's domain trusted without filtering, and the group's forest with delegation."""
    _trust(directory, "ancien.test", "ANCIEN", direction=3, attributes=0, rid_base="3233", password_age=900)
    _trust(directory, "groupement.test", "GROUPEMENT", direction=3, attributes=0x808, rid_base="4244", password_age=20)


def _trust(
    directory: Directory,
    partner: str,
    flat: str,
    *,
    direction: int,
    attributes: int,
    rid_base: str,
    password_age: float,
) -> None:
    directory.add(
        f"CN={partner},CN=System,{directory.base}",
        "trustedDomain",
        trustPartner=partner,
        flatName=flat,
        trustDirection=str(direction),
        trustType="2",
        trustAttributes=str(attributes),
        # winbindd does not start when a trust has no SID.
        securityIdentifier=directory.packed_sid(f"S-1-5-21-{rid_base}-1111-2222"),
    )
    account = directory.add(
        f"CN={flat}$,CN=Users,{directory.base}",
        "user",
        controls=[TRUST_ACCOUNT],
        sAMAccountName=f"{flat}$",
        clearTextPassword=random_password().encode("utf-16-le"),
        userAccountControl=str(0x820),
    )
    directory.set(account, [BYPASS_PASSWORD], pwdLastSet=directory.days_ago(password_age))


def filter_trusts(directory: Directory) -> None:
    """Six months later: the external trust is filtered, the forest no longer forwards tickets."""
    directory.set(f"CN=ancien.test,CN=System,{directory.base}", trustAttributes="4")
    directory.set(f"CN=groupement.test,CN=System,{directory.base}", trustAttributes="8")
    directory.set(directory.dn("ANCIEN$"), [BYPASS_PASSWORD], pwdLastSet=directory.days_ago(25))


def _policies(directory: Directory) -> Path:
    return Path("/var/lib/samba/sysvol") / directory.realm / "Policies"


def policy_password(directory: Directory) -> Callable[[], None]:
    """A group policy sets the local administrator's password, in a file everybody may read."""
    realm = directory.realm
    directory.add(
        f"CN={GPO},CN=Policies,CN=System,{directory.base}",
        "groupPolicyContainer",
        displayName="Administrateur local des postes",
        gPCFileSysPath=f"\\\\{realm}\\sysvol\\{realm}\\Policies\\{GPO}",
        gPCFunctionalityVersion="2",
        versionNumber="1",
        flags="0",
        gPCMachineExtensionNames=("[{17D89FEC-5C44-4972-B12D-241CAEF74509}{79F92669-4224-476C-9C5C-6EFB4D87DF4A}]"),
    )
    directory.set(
        f"OU=Postes,OU=Les Tilleuls,{directory.base}",
        gPLink=f"[LDAP://CN={GPO},CN=Policies,CN=System,{directory.base};0]",
    )
    return lambda: _write_policy_files(directory)


def _write_policy_files(directory: Directory) -> None:
    folder = _policies(directory) / GPO
    groups = folder / "Machine" / "Preferences" / "Groups"
    groups.mkdir(parents=True)
    (folder / "User").mkdir()
    (folder / "GPT.INI").write_text("[General]\r\nVersion=1\r\n", encoding="ascii")
    # Random bytes in the right shape: there is no password behind it.
    cpassword = base64.b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")
    (groups / "Groups.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        '<Groups clsid="{3125E937-EB16-4b4c-9934-544FC6D24D26}">'
        '<User clsid="{DF5F1855-51E5-4d24-8B1A-D9BDE98BA1D1}" name="Administrateur" image="2"'
        ' changed="2019-03-12 09:14:05" uid="{4B7E0D1C-53F0-4C3B-8E57-7A2C4D1B9F06}">'
        f'<Properties action="U" newName="" fullName="" description="" cpassword="{cpassword}"'
        ' changeLogon="0" noChange="1" neverExpires="1" acctDisabled="0" userName="Administrateur"/>'
        "</User></Groups>\r\n",
        encoding="utf-8",
    )
    # Files written beside Samba have no Windows rights: give SYSVOL those a policy editor would.
    subprocess.run(["samba-tool", "ntacl", "sysvolreset"], check=True, capture_output=True, timeout=120)


def remove_policy_password(directory: Directory) -> Callable[[], None]:
    """Six months later: the file is gone, the policy remains."""
    return lambda: shutil.rmtree(_policies(directory) / GPO / "Machine" / "Preferences")


_LAPS_EXPIRY = "msLAPS-PasswordExpirationTime"
_LAPS_ATTRIBUTES = (
    (_LAPS_EXPIRY, "1.2.840.113556.1.6.44.1.1", "0", "2.5.5.16", "65"),
    ("msLAPS-Password", "1.2.840.113556.1.6.44.1.2", "904", "2.5.5.5", "19"),
)
"""Name, OID, searchFlags (904: confidential, never audited), attributeSyntax, oMSyntax."""


def deploy_laps(_: Directory) -> Callable[[], None]:
    """Six months later: Windows LAPS keeps the local administrator passwords, one per computer."""
    return _extend_schema_and_fill


def _extend_schema_and_fill() -> None:
    """Each step reads the schema the one before wrote, so each opens the directory anew."""
    directory = Directory(batch=False)
    for name, number, flags, syntax, om_syntax in _LAPS_ATTRIBUTES:
        directory.add(
            f"CN={name},{directory.schema}",
            "attributeSchema",
            controls=[RELAX],
            attributeID=number,
            lDAPDisplayName=name,
            attributeSyntax=syntax,
            oMSyntax=om_syntax,
            isSingleValued="TRUE",
            searchFlags=flags,
        )
    directory.db.set_schema_update_now()
    directory = Directory(batch=False)
    message = ldb.Message(ldb.Dn(directory.db, f"CN=Computer,{directory.schema}"))
    names = [name for name, *_ in _LAPS_ATTRIBUTES]
    message["mayContain"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "mayContain")
    directory.db.modify(message, [RELAX])
    directory.db.set_schema_update_now()
    directory = Directory(batch=False)
    computers = directory.db.search(
        f"OU=Les Tilleuls,{directory.base}", ldb.SCOPE_SUBTREE, "(objectClass=computer)", attrs=["dn"]
    )
    directory.db.transaction_start()
    for rank, computer in enumerate(computers):
        directory.set(str(computer.dn), **{_LAPS_EXPIRY: directory.days_ago(-(5 + rank % 20))})
    directory.db.transaction_commit()
