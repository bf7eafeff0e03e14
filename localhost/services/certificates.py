"""A certificate authority of our own, so that the SDKs talk HTTPS to the local services and verify it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme

from localhost.services.service import HOST


@dataclass(frozen=True)
class Certificates:
    """PEM files for the local services.

    Attributes:
        ca_bundle: certifi's authorities and ours, for REQUESTS_CA_BUNDLE and SSL_CERT_FILE.
        certificate: the server's chain, for 127.0.0.1 and localhost.
        key: the server's private key, readable by its owner alone.
    """

    ca_bundle: Path
    certificate: Path
    key: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Certificates:
        """Return the certificates kept in `folder`; they are made the first time."""
        files = cls(folder / "ca-bundle.pem", folder / "server.pem", folder / "server-key.pem")
        if not files.ca_bundle.exists():
            folder.mkdir(parents=True, exist_ok=True)
            files._make()
        return files

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context of a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def _make(self) -> None:
        authority = trustme.CA(organization_name="Local services", organization_unit_name="Tests and demo only")
        server = authority.issue_cert(HOST, "localhost")
        self.key.touch(mode=0o600)
        self.key.write_bytes(server.private_key_pem.bytes())
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        # Last, because its presence says that the other files are complete.
        self.ca_bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
