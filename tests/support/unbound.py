"""A real DNS server, Debian's unbound: one local zone over UDP, TCP, TLS and HTTPS, and no other names."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support import sockets
from support.ports import free_ports
from support.server_process import ServerProcess, is_missing

MANY = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(100)]
"""The addresses of many.example: too many for a datagram."""

_CONFIG = """
server:
  directory: "{root}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  interface: 127.0.0.1@{plain}
  interface: 127.0.0.1@{tls}
  interface: 127.0.0.1@{https}
  tls-port: {tls}
  https-port: {https}
  tls-service-key: "{root}/key.pem"
  tls-service-pem: "{root}/cert.pem"
  local-zone: "." refuse
  local-zone: "refused.example." refuse
  local-zone: "example." static
  local-data: "example. 30 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 30"
{records}
remote-control:
  control-enable: no
"""

_RECORDS = (
    "both.example. 60 IN A 127.0.0.1",
    "both.example. 60 IN AAAA ::1",
    "four.example. 60 IN A 127.0.0.4",
    "long.example. 86400 IN A 127.0.0.5",
    "text.example. 60 IN TXT hello",
    *(f"many.example. 60 IN A {address}" for address in MANY),
)


def unbound_is_missing() -> str | None:
    """Return why no unbound can run here, or None."""
    return is_missing("unbound")


class Unbound(ServerProcess):
    """unbound for the length of the context; its ports stay the same when it is killed and started again.

    Its certificate, signed by its own ``authority``, is for dns.example and 127.0.0.1; ``context`` trusts it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plain_port = self.port
        self.tls_port, self.https_port = free_ports(2)
        _make_certificate(self.root)
        data = "\n".join(f'  local-data: "{record}"' for record in _RECORDS)
        ports = {"plain": self.plain_port, "tls": self.tls_port, "https": self.https_port}
        (self.root / "unbound.conf").write_text(_CONFIG.format(root=self.root, records=data, **ports))
        self.authority = self.root / "ca.pem"
        self.context = ssl.create_default_context(cafile=str(self.authority))

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        return ["unbound", "-d", "-p", "-c", self.root / "unbound.conf"]

    async def is_ready(self) -> bool:
        """See the base; it begins with its ports one after the other."""
        for port in (self.plain_port, self.tls_port, self.https_port):
            sockets.close(await sockets.connect("127.0.0.1", port))
        return True


def _make_certificate(folder: Path) -> None:
    """Make ca.pem, and cert.pem with key.pem, signed by it."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, name = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("CA", "dns.example"))
    names = [x509.DNSName("dns.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_only_key_cert_sign(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
    )
    server = (
        _builder(name, ca_name, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    for file, builder in (("ca.pem", authority), ("cert.pem", server)):
        signed = builder.sign(ca_key, hashes.SHA256())
        (folder / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _only_key_cert_sign() -> x509.KeyUsage:
    """Return the key usage that Python 3.13 requires of an authority's certificate."""
    others = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False, **dict.fromkeys(others, False)
    )
