"""The gateway's certificate: read when it starts, and again when its files change, as cert-manager renews them."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from incident_commander.errors import ConfigurationError

_LOOK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate chain and private key, PEM."""

    certificate: Path
    key: Path


class Certificate:
    """A context that new connections use, whatever certificate it has at the time."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises ``ConfigurationError`` that names the file, and what is wrong with it."""
        self._files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self._load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"gateway: TLS certificate {files.certificate} with key {files.key} cannot be used ({error}); "
                "name the PEM files of a Secret of type kubernetes.io/tls"
            ) from error

    def renew(self) -> bool:
        """Load the files if they have changed; answers whether it did. A damaged file leaves the one in use."""
        try:
            if self._written() == self._loaded:
                return False
            self._load()
        except (OSError, ssl.SSLError) as error:
            _log.warning("The new TLS certificate cannot be used; the old one stays", error=str(error))
            return False
        _log.info("The TLS certificate was renewed", file=str(self._files.certificate))
        return True

    async def keep(self) -> None:
        """Look for a renewed one now and then; cancel to stop."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.renew()

    def _load(self) -> None:
        written = self._written()
        self.context.load_cert_chain(self._files.certificate, self._files.key)
        self._loaded = written

    def _written(self) -> tuple[int, int]:
        return self._files.certificate.stat().st_mtime_ns, self._files.key.stat().st_mtime_ns
