"""An agent's signing key (Ed25519), and the public half as it stands in ``Agent.spec``."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from incident_commander.api.agent import PublicKey
from incident_commander.errors import ConfigurationError

_KEY_TYPE = _SCHEME = "ed25519"


def key_id_of(public_key: str) -> str:
    """Hex SHA-256 of the raw 32 bytes behind 64 hex digits.

    Derived from the key and never chosen: a key id cannot be pointed at another key.
    """
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()


def verifier(key: PublicKey) -> SSlibKey:
    """The public key as securesystemslib verifies with it."""
    return SSlibKey(key.key_id, _KEY_TYPE, _SCHEME, {"public": key.public_key})


class SigningKey:
    """A private key. Its representation never shows the secret half."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        raw = private_key.public_key().public_bytes_raw().hex()
        self._public_key = raw
        self.key_id = key_id_of(raw)
        self.signer = CryptoSigner(private_key, SSlibKey(self.key_id, _KEY_TYPE, _SCHEME, {"public": raw}))

    @classmethod
    def generate(cls) -> Self:
        """A new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The same key for the same 32 bytes: for rehearsals, which must repeat exactly."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read an unencrypted PKCS#8 PEM. Raises ConfigurationError for anything else."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                f"the signing key is not an unencrypted PKCS#8 PEM ({error}); make one with `incident-commander keygen`"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(
                f"the signing key is {type(key).__name__}, not Ed25519; make one with `incident-commander keygen`"
            )
        return cls(key)

    def to_pem(self) -> bytes:
        """Unencrypted PKCS#8 PEM: belongs in a Secret that only this agent's Pod mounts."""
        return self.signer.private_bytes

    def public_key(self, not_before: datetime, not_after: datetime) -> PublicKey:
        """The public half for ``Agent.spec.publicKeys``; signatures count from ``not_before`` until ``not_after``."""
        return PublicKey(key_id=self.key_id, public_key=self._public_key, not_before=not_before, not_after=not_after)

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id[:12]})"
