"""A key id is derived from the key; bad key material is refused with what to do."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from incident_commander.consensus.keys import SigningKey
from incident_commander.errors import ConfigurationError
from tests.unit.consensus.council import NOW, YEAR


def test_the_key_id_is_the_sha256_of_the_raw_public_key() -> None:
    signing = SigningKey.generate()
    public = signing.public_key(NOW, NOW + YEAR)
    assert public.key_id == hashlib.sha256(bytes.fromhex(public.public_key)).hexdigest() == signing.key_id


def test_one_seed_is_one_key_and_another_seed_is_another() -> None:
    assert SigningKey.from_seed(b"a" * 32).key_id == SigningKey.from_seed(b"a" * 32).key_id
    assert SigningKey.from_seed(b"a" * 32).key_id != SigningKey.from_seed(b"b" * 32).key_id


def test_a_key_survives_being_written_as_pem() -> None:
    signing = SigningKey.generate()
    assert SigningKey.from_pem(signing.to_pem()).key_id == signing.key_id


def test_the_representation_does_not_show_the_secret() -> None:
    signing = SigningKey.from_seed(b"s" * 32)
    assert (b"s" * 32).hex() not in repr(signing)
    assert len(repr(signing)) < 40


def test_what_is_no_pem_is_refused_with_how_to_make_one() -> None:
    with pytest.raises(ConfigurationError, match="keygen"):
        SigningKey.from_pem(b"not a key")


def test_a_key_of_another_type_is_refused() -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigurationError, match="not Ed25519"):
        SigningKey.from_pem(pem)
