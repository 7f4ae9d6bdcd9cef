"""HTTPS for alerts, with a certificate that may be renewed while connections are open."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from incident_commander.errors import ConfigurationError
from incident_commander.gateway.app import create_app
from incident_commander.gateway.server import server
from incident_commander.gateway.tls import Certificate, TlsFiles
from tests.unit.gateway.harness import OPEN, Bench
from tests.unit.gateway.test_server import BODY, HEAD, Held


def issue(folder: Path, name: str) -> TlsFiles:
    """A certificate of its own for 127.0.0.1, in place of the one that was there, as a renewed Secret is."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = TlsFiles(folder / "tls.crt", folder / "tls.key")
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    for path, text in (
        (files.certificate, certificate.public_bytes(pem)),
        (files.key, key.private_bytes(pem, *private)),
    ):
        written = path.with_suffix(".new")
        written.write_bytes(text)
        os.replace(written, path)
    return files


async def post(port: int, authority: Path) -> tuple[bytes, str]:
    """What is answered to an alert, and whom the server's certificate names. Raises ssl.SSLError."""
    context = ssl.create_default_context(cafile=str(authority))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("peercert")["subject"][0][0][1]
    writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
    answer = await reader.read()
    writer.close()
    return answer, shown


async def test_an_alert_is_taken_by_https_and_a_renewed_certificate_is_shown_to_whoever_comes_next(
    tmp_path: Path,
) -> None:
    bench = Bench()
    certificate = Certificate(issue(tmp_path, "first"))
    cluster = Held(bench)
    cluster.go_on.set()
    settings = replace(OPEN, port=0)
    web = server(create_app(cluster, None, bench.clock, settings), settings, certificate)
    running = asyncio.create_task(web.serve())
    while not web.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    port = int(web.servers[0].sockets[0].getsockname()[1])
    try:
        answer, shown = await post(port, tmp_path / "tls.crt")
        assert answer.startswith(b"HTTP/1.1 200")
        assert shown == "first"
        assert not certificate.renew()
        issue(tmp_path, "second")
        assert certificate.renew()
        assert (await post(port, tmp_path / "tls.crt"))[1] == "second"
    finally:
        web.should_exit = True
        await running


def test_a_damaged_renewal_leaves_the_certificate_in_use(tmp_path: Path) -> None:
    certificate = Certificate(issue(tmp_path, "first"))
    (tmp_path / "tls.crt").write_text("half of a cert")
    assert not certificate.renew()
    issue(tmp_path, "second")
    assert certificate.renew()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"tls\.crt .*No such file"):
        Certificate(TlsFiles(tmp_path / "tls.crt", tmp_path / "tls.key"))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Certificate(TlsFiles(issue(tmp_path, "first").certificate, issue(other, "second").key))
