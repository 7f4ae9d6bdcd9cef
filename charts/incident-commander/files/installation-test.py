"""Asks every part of the installation how it is; ends with an error that names what is wrong. Run by `helm test`."""

import json
import os
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request

GATEWAY = os.environ["GATEWAY"]
COMPONENTS = int(os.environ["PODS_WITH_METRICS"])
WITHOUT_VERIFYING = ssl.create_default_context()
WITHOUT_VERIFYING.check_hostname, WITHOUT_VERIFYING.verify_mode = False, ssl.CERT_NONE
DEADLINE = time.monotonic() + 120


def answer(url, data=None):
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10, context=WITHOUT_VERIFYING) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def eventually(what, check):
    """Until it holds, or the deadline is over: pods that were just started may need a moment."""
    while problem := check():
        if time.monotonic() > DEADLINE:
            sys.exit(f"FAILED: {what}: {problem}")
        time.sleep(2)
    print(f"ok: {what}", flush=True)


def gateway_is_ready():
    status, said = answer(f"{GATEWAY}/readyz")
    return "" if status == 200 else f"{GATEWAY}/readyz answers {status}: {said.strip()}"


def gateway_wants_a_token():
    alert = {"version": "4", "groupKey": "test", "status": "firing", "receiver": "test", "alerts": []}
    status, said = answer(f"{GATEWAY}/api/v1/alerts", json.dumps(alert).encode())
    return "" if status == 401 else f"an alert without a token is answered with {status}: {said.strip()[:200]}"


def others_are_ready():
    try:
        addresses = sorted({entry[4][0] for entry in socket.getaddrinfo("metrics", 8081, type=socket.SOCK_STREAM)})
    except OSError as error:
        return f"Service metrics names no pod: {error}"
    # The gateway has no such port; it is asked above.
    answers = {
        address: answer(f"http://{f'[{address}]' if ':' in address else address}:8081/readyz") for address in addresses
    }
    ready = [address for address, (status, _) in answers.items() if status == 200]
    unready = {address: said.strip() for address, (_, said) in answers.items() if address not in ready}
    return "" if len(ready) >= COMPONENTS else f"{len(ready)} of {COMPONENTS} pods are ready; not: {unready}"


eventually("the gateway is ready", gateway_is_ready)
eventually("the gateway refuses alerts without a token", gateway_wants_a_token)
eventually(f"{COMPONENTS} pods beside it are ready", others_are_ready)
