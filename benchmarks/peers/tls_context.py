"""A certificate for a site of ours."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_UNKNOWN_EXTENSION = x509.ObjectIdentifier("2.25.1")
# With it, the site's first answer has 3.6 KB, the middle of what clients are answered with before anything is learnt.
_EXTENSION_BYTES = 2400


def site_context(host: str) -> ssl.SSLContext:
    """Make the context of a site with a certificate of its own; an RSA key's signatures all have the same length."""
    key = rsa.generate_private_key(65_537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.add_extension(x509.UnrecognizedExtension(_UNKNOWN_EXTENSION, bytes(_EXTENSION_BYTES)), False)
    day = datetime.timedelta(days=1)
    certificate = builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.touch(mode=0o600)
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(both)
    return context
