"""A private certificate authority and one certificate a name, for mutual TLS between semedge's processes.

A folder holds ca.pem, ca.key, and NAME.pem and NAME.key for each name. A certificate's common name is the name that its
holder may act under, so names are refused that could pass for another. Not a public key infrastructure: there is no
revocation; make a new folder instead.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEFAULT_NAMES = ("emulator", "controller", "optimizer")
AUTHORITY = "ca"
AUTHORITY_DAYS = 3650
LARGEST_DAYS = 36500
CLOCK_SKEW = timedelta(minutes=5)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class CertificateError(Exception):
    """Certificates that cannot be made; the message names the option or file and the fix."""


@dataclass(frozen=True)
class Made:
    """What make_certificates did, by name. Names of the authority are left out."""

    new_authority: bool
    made: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certificates(folder: Path, names: Iterable[str], hosts: Sequence[str] = (), days: int = 365) -> Made:
    """Adds a certificate for each name that has none; the authority is made first where there is none.

    hosts: further host names or addresses that the holders listen on; loopback is always included. days: validity,
    never beyond the authority's own. Nothing that exists is overwritten. Keys are readable by their owner only.
    Raises CertificateError.
    """
    if not 1 <= days <= LARGEST_DAYS:
        raise CertificateError(f"--days {days}: must be in [1, {LARGEST_DAYS}]; give the days that certificates hold")
    wanted = list(dict.fromkeys(names))
    try:
        existing = _existing(folder)
        _check_names(wanted, existing)
        alternatives = _alternatives(hosts, [*wanted, *existing])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority, new = _authority(folder, days)
        made, kept = [], []
        for name in wanted:
            if _complete(folder, name):
                kept.append(name)
            else:
                _issue(folder, authority, name, alternatives, days)
                made.append(name)
    except OSError as error:
        raise CertificateError(f"{error.filename or folder}: {error.strerror}; choose a folder of your own") from error
    return Made(new, tuple(made), tuple(kept))


# --- what may be certified -----------------------------------------------------------------------------------------


def _existing(folder: Path) -> dict[str, frozenset[str]]:
    """Each name that has a certificate, and every host name in it. Files that are no certificates have none."""
    found: dict[str, frozenset[str]] = {}
    for path in folder.glob("*.pem"):
        if path.stem != AUTHORITY:
            try:
                certificate = x509.load_pem_x509_certificate(path.read_bytes())
                names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                found[path.stem] = frozenset(host.lower() for host in names.get_values_for_type(x509.DNSName))
            except (ValueError, x509.ExtensionNotFound):
                found[path.stem] = frozenset()
    return found


def _check_names(names: Sequence[str], existing: dict[str, frozenset[str]]) -> None:
    folded = {name.lower(): name for name in existing}
    for name in names:
        if not _NAME.fullmatch(name):
            raise CertificateError(
                f"--name {name}: must be letters, digits, '-', '_' and '.', 63 at most; choose a node's name"
            )
        if name.lower() in (AUTHORITY, "localhost"):
            raise CertificateError(f"--name {name}: is taken by the authority or this machine; choose another name")
        other = folded.setdefault(name.lower(), name)
        if other != name:
            raise CertificateError(
                f"--name {name}: differs from {other} only in case, and TLS takes them for one; choose another name"
            )
        holder = next((held for held, hosts in existing.items() if held != name and name.lower() in hosts), None)
        if holder is not None:
            raise CertificateError(
                f"--name {name}: is a host name in {holder}.pem, whose holder could then pass for it; choose another"
            )


def _alternatives(hosts: Sequence[str], names: Sequence[str]) -> list[x509.GeneralName]:
    """Where every holder may listen. A host that is somebody's name would let all others pass for it."""
    addresses: list[x509.GeneralName] = [x509.DNSName("localhost")]
    addresses += [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    taken = {name.lower() for name in (*DEFAULT_NAMES, *names)}
    for host in hosts:
        try:
            found: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            if not _HOST.fullmatch(host):
                raise CertificateError(f"--host {host}: is neither a host name nor an IP address; give one") from None
            if host.lower() in taken:
                raise CertificateError(
                    f"--host {host}: is the name of a node or daemon, which the others could then pass for; give the "
                    "machine's full host name or address"
                ) from None
            found = x509.DNSName(host)
        if found not in addresses:
            addresses.append(found)
    return addresses


# --- files ---------------------------------------------------------------------------------------------------------


def _complete(folder: Path, name: str) -> bool:
    """Whether a certificate and its key are there. Raises CertificateError for one without the other."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if certificate.exists() != key.exists():
        lone, missing = (certificate, key) if certificate.exists() else (key, certificate)
        raise CertificateError(f"{lone}: is there without {missing.name}; restore it, or delete the lone file")
    return certificate.exists()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Never overwrites, and never leaves a key readable by others, not even for a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # the process's umask may have taken more
        file.write(content)


def _save(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / f"{name}.key", secret, 0o600)
    _write(folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _authority(folder: Path, days: int) -> tuple[_Authority, bool]:
    if _complete(folder, AUTHORITY):
        return _read_authority(folder), False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "semedge private authority")])
    builder = _builder(name, name, key.public_key(), max(days, AUTHORITY_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    _save(folder, AUTHORITY, certificate, key)
    return _Authority(certificate, key), True


def _read_authority(folder: Path) -> _Authority:
    certificate_file, key_file = folder / f"{AUTHORITY}.pem", folder / f"{AUTHORITY}.key"
    fix = "use another folder"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{folder}: {AUTHORITY}.pem or {AUTHORITY}.key is not a PEM file; {fix}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise CertificateError(f"{key_file}: is not the key of {certificate_file.name}; {fix}")
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateError(f"{certificate_file}: is not a self-signed authority; {fix}") from error
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise CertificateError(f"{certificate_file}: expired on {certificate.not_valid_after_utc:%Y-%m-%d}; {fix}")
    return _Authority(certificate, key)


# --- certificates --------------------------------------------------------------------------------------------------


def _issue(folder: Path, authority: _Authority, name: str, alternatives: Sequence[x509.GeneralName], days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    latest = authority.certificate.not_valid_after_utc
    builder = _builder(subject, authority.certificate.subject, key.public_key(), days, latest)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name), *alternatives]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    _save(folder, name, builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    days: int,
    latest: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(end if latest is None else min(end, latest))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
