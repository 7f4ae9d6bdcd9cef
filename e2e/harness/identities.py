"""Who speaks to the API server: a kubeconfig for each ServiceAccount and each person, and the agents' keys."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e2e.harness.api import Api, Json
from e2e.harness.commands import run
from e2e.harness.waiting import NotYet, Teller, wait_for

_TOKEN_SECONDS = 2 * 60 * 60
_CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@dataclass(frozen=True)
class Identities:
    """Makes identities of the cluster that kubectl points at, as files in a private ``folder``."""

    api: Api
    folder: Path
    cluster: Json
    """The ``cluster`` entry of kubectl's kubeconfig: address and authority."""

    @classmethod
    async def of_current_cluster(cls, api: Api, folder: Path) -> Identities:
        """Of the cluster of kubectl's current context."""
        answer = await run("kubectl", "config", "view", "--minify", "--raw", "--flatten", "--output=json")
        cluster = json.loads(answer.out)["clusters"][0]["cluster"]
        return cls(api, folder, cluster)

    async def token(self, namespace: str, account: str) -> str:
        """A token bound to a ServiceAccount, as a pod would get it."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str((await self.api.post(path, body))["status"]["token"])

    async def service_account(self, namespace: str, account: str) -> Path:
        """A kubeconfig with such a token."""
        return self._kubeconfig(account, {"token": await self.token(namespace, account)})

    async def person(self, name: str, say: Teller) -> Path:
        """A kubeconfig with a client certificate that the cluster signed for that user name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        resource = f"e2e-{name.replace('@', '-')}"
        await self.api.delete(f"{_CSRS}/{resource}")
        csr = await self.api.post(
            _CSRS,
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": resource},
                "spec": {
                    "request": _base64(request.public_bytes(serialization.Encoding.PEM)),
                    "signerName": "kubernetes.io/kube-apiserver-client",
                    "expirationSeconds": _TOKEN_SECONDS,
                    "usages": ["client auth"],
                },
            },
        )
        csr["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "E2E"}]}
        await self.api.put(f"{_CSRS}/{resource}/approval", csr)

        async def certificate() -> str:
            status = (await self.api.get(f"{_CSRS}/{resource}")).get("status", {})
            if "certificate" not in status:
                raise NotYet("approved, not signed")
            return str(status["certificate"])

        signed = await wait_for(f"the certificate of {name}", certificate, seconds=20, say=say, every=0.3)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._kubeconfig(resource, {"client-certificate-data": signed, "client-key-data": _base64(private)})

    def _kubeconfig(self, name: str, user: Json) -> Path:
        path = self.folder / f"{name}.kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": self.cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "e2e", "user": name}}],
            "current-context": name,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        return path


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
