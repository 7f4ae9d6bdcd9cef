"""Certificates and keys of a control plane, made with the `openssl` command (3.0 or newer)."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_VALID_DAYS = "3650"
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
_AUTHORITY_CONFIG = """\
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
_LEAF_EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class PkiError(Exception):
    """openssl is missing or refused; the message carries what it said."""


@dataclass(frozen=True)
class KeyPair:
    """A certificate (or, for service accounts, a public key) and its private key, as PEM files."""

    certificate: Path
    key: Path

    def exists(self) -> bool:
        return self.certificate.exists() and self.key.exists()


class Authority:
    """A certificate authority in a folder of its own. What is there already is kept, so a restart keeps its identities.

    Raises PkiError, here and in `issue`, when openssl is missing or fails.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.pair = KeyPair(folder / f"{name}.crt", folder / f"{name}.key")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.pair.exists():
            config = folder / f"{name}.cnf"
            config.write_text(_AUTHORITY_CONFIG)
            subject = f"/CN=incident-commander-{name}"
            _openssl("req", "-x509", *_NEW_KEY, "-config", str(config), "-days", _VALID_DAYS, "-subj", subject,
                     "-keyout", str(self.pair.key), "-out", str(self.pair.certificate))  # fmt: skip

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def issue(
        self, name: str, common_name: str, organizations: Sequence[str] = (), alternative_names: Sequence[str] = ()
    ) -> KeyPair:
        """A certificate for a client or a server; `alternative_names` as openssl has them ("DNS:localhost")."""
        pair = KeyPair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        if pair.exists():
            return pair
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        names = f"subjectAltName = {', '.join(alternative_names)}\n" if alternative_names else ""
        extensions.write_text(_LEAF_EXTENSIONS + names)
        subject = "".join(f"/O={organization}" for organization in organizations) + f"/CN={common_name}"
        _openssl("req", "-new", *_NEW_KEY, "-subj", subject, "-keyout", str(pair.key), "-out", str(request))
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key),
                 "-set_serial", f"0x{secrets.token_hex(15)}", "-days", _VALID_DAYS, "-extfile", str(extensions),
                 "-out", str(pair.certificate))  # fmt: skip
        return pair


def service_account_keys(folder: Path) -> KeyPair:
    """The pair that signs ServiceAccount tokens (its "certificate" is the public key); raises PkiError."""
    pair = KeyPair(folder / "service-accounts.pub", folder / "service-accounts.key")
    if not pair.exists():
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(pair.key))
        _openssl("pkey", "-in", str(pair.key), "-pubout", "-out", str(pair.certificate))
    return pair


def _openssl(*arguments: str) -> None:
    try:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PkiError("the openssl command is missing") from error
    except subprocess.CalledProcessError as error:
        raise PkiError(f"openssl {arguments[0]} failed: {error.stderr.strip()}") from error
