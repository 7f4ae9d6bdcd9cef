"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from incident_commander.api.plan import ActionName
from incident_commander.errors import ConfigurationError
from incident_commander.log_level import LogLevel
from incident_commander.operators.parts import listen, read_key
from incident_commander.settings import Address, Settings


def test_defaults_need_no_setting() -> None:
    found = Settings.from_environment({})
    assert found.namespace == "incident-commander"
    assert found.prometheus_url is None
    assert found.gateway_bind == Address("127.0.0.1", 8080)
    assert found.gateway_tokens
    assert found.identity


def test_the_environment_is_read() -> None:
    found = Settings.from_environment(
        {
            "INCIDENT_COMMANDER_PROMETHEUS_URL": "http://p:9090",
            "INCIDENT_COMMANDER_KEY_FILE": "/keys/a.pem",
            "INCIDENT_COMMANDER_GATEWAY_BIND": ":80",
            "INCIDENT_COMMANDER_LOG_LEVEL": "DEBUG",
            "INCIDENT_COMMANDER_GATEWAY_AUTHENTICATION": "None",
        }
    )
    assert found.prometheus_url == "http://p:9090"
    assert found.key_file == Path("/keys/a.pem")
    assert found.gateway_bind == Address("0.0.0.0", 80)
    assert found.log_level is LogLevel.DEBUG
    assert not found.gateway_tokens


def test_disabled_actions_are_names_of_the_catalogue() -> None:
    name = "INCIDENT_COMMANDER_DISABLED_ACTIONS"
    found = Settings.from_environment({name: "DeletePod, DrainNode"}).disabled_actions
    assert found == {ActionName.DELETE_POD, ActionName.DRAIN_NODE}
    with pytest.raises(ConfigurationError, match=r"DISABLED_ACTIONS names DeletePods; actions are .*DeletePod"):
        Settings.from_environment({name: "DeletePods"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_BIND", "8080"),
        ("GATEWAY_BIND", "host:http"),
        ("HEALTH_BIND", "0.0.0.0:99999"),
        ("LOG_LEVEL", "loud"),
        ("WORKERS", "0"),
        ("WORKERS", "many"),
        ("GATEWAY_AUTHENTICATION", "basic"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"INCIDENT_COMMANDER_{name} is .*{value}.*must be"):
        Settings.from_environment({f"INCIDENT_COMMANDER_{name}": value})


@pytest.mark.parametrize("name", ["GATEWAY_TLS_CERT_FILE", "GATEWAY_TLS_KEY_FILE"])
def test_half_of_a_certificate_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="one of them is set; set both, or none"):
        Settings.from_environment({f"INCIDENT_COMMANDER_{name}": "/tls/file.pem"})


def test_an_ipv6_address_is_understood() -> None:
    assert Address.parse("[::1]:8080", "HEALTH_BIND") == Address("::1", 8080)


class TestKeys:
    def test_a_missing_setting_says_how_to_make_a_key(self) -> None:
        with pytest.raises(ConfigurationError, match=r"KEY_FILE is not set.*keygen"):
            read_key(None, "KEY_FILE", "detection")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"KEY_FILE: .*none\.pem cannot be read"):
            read_key(tmp_path / "none.pem", "KEY_FILE", "detection")


def test_an_address_that_is_taken_is_named_by_its_setting() -> None:
    with listen(Address("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"GATEWAY_BIND: cannot listen on 127.0.0.1:{port}"):
            listen(Address("127.0.0.1", port))
