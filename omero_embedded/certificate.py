"""The certificate that OMERO clients' SSL needs; they do not verify it."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from omero_embedded.folder import write_private

# The file is its owner's alone; Ice only insists on some password.
PASSWORD = "embedded"
_DAYS = 3650


def ensure_certificate(path: Path) -> None:
    """Write a self-signed PKCS12 certificate for localhost unless there is one."""
    if path.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
    write_private(
        path, pkcs12.serialize_key_and_certificates(b"omero", key, certificate, None, encryption)
    )
