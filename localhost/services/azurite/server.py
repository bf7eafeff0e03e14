"""Azurite, the emulator of Azure Storage, over HTTPS with tokens, as the app meets the real one."""

from __future__ import annotations

from pathlib import Path

from localhost.services.azurite.install import install_azurite
from localhost.services.certificates import Certificates
from localhost.services.node import node_command
from localhost.services.process import GuardedProcess, exclusive
from localhost.services.service import HOST, Service, claim_ports

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's well-known key: public, the same everywhere, no secret."""


class Azurite(Service):
    """Blob, queue and table endpoints of one storage account; both tokens and the account key are accepted.

    Args:
        folder: keeps the storage's data and the log.
        certificates: the server certificate.
    """

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        super().__init__(folder)
        self._certificates = certificates
        self._process: GuardedProcess | None = None

    @property
    def blob_url(self) -> str:
        return self._url(self.blob_port)

    @property
    def queue_url(self) -> str:
        return self._url(self.queue_port)

    @property
    def table_url(self) -> str:
        return self._url(self.table_port)

    def start(self) -> None:
        command: list[str | Path] = [*node_command(), install_azurite()]
        with exclusive(self.folder) as lock:
            self.blob_port, self.queue_port, self.table_port = claim_ports(self.folder, 3)
            self._process = GuardedProcess([*command, *self._arguments()], self.folder / "azurite.log", lock=lock)
        self._process.wait_for("Table service is successfully listening")

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def _arguments(self) -> list[str | Path]:
        arguments: list[str | Path] = [
            *("--location", self.folder / "data"),
            *("--oauth", "basic"),
            *("--cert", self._certificates.certificate),
            *("--key", self._certificates.key),
            "--skipApiVersionCheck",  # the SDKs are always ahead of it
            "--disableTelemetry",
            "--silent",
        ]
        for service, port in (("blob", self.blob_port), ("queue", self.queue_port), ("table", self.table_port)):
            arguments += [f"--{service}Host", HOST, f"--{service}Port", str(port)]
        return arguments

    @staticmethod
    def _url(port: int) -> str:
        return f"https://{HOST}:{port}/{ACCOUNT}"
