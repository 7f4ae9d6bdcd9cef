"""No secret of the corpus survives, and nothing that a diagnosis reads is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_commander.api import kinds
from incident_commander.evidence.redaction.objects import holds_secret, redact_object
from incident_commander.evidence.redaction.redactor import Redactor
from tests.unit.evidence.redaction.corpus import HARMLESS, SECRETS

PLAIN, KEYED = Redactor(), Redactor(b"k" * 32)


class TestText:
    @pytest.mark.parametrize(("line", "secret"), SECRETS)
    def test_a_secret_does_not_survive(self, line: str, secret: str) -> None:
        shown = PLAIN.text(line)
        assert secret not in shown
        assert "[REDACTED:" in shown

    @pytest.mark.parametrize("line", HARMLESS)
    def test_what_is_no_secret_stays_as_it_is(self, line: str) -> None:
        assert PLAIN.text(line) == line

    @pytest.mark.parametrize(("line", "secret"), SECRETS)
    def test_redacting_twice_changes_nothing(self, line: str, secret: str) -> None:
        once = KEYED.text(line)
        assert KEYED.text(once) == once

    @pytest.mark.parametrize(
        ("line", "kept"),
        [
            ("postgres://shop:hunter2@db.shop.svc:5432/orders", ["postgres://shop:", "@db.shop.svc:5432/orders"]),
            ("shop:hunter2@tcp(mysql:3306)/orders: denied", ["shop:", "@tcp(mysql:3306)/orders: denied"]),
            ("host=db user=shop password=hunter2 dbname=orders", ["host=db user=shop password=", " dbname=orders"]),
            ('{"password":"hunter2","user":"ann"}', ['{"password":"', '","user":"ann"}']),
            ("https://a.example/v1?api_key=abc123def456&page=2", ["https://a.example/v1?api_key=", "&page=2"]),
        ],
    )
    def test_what_stands_around_a_secret_stays(self, line: str, kept: list[str]) -> None:
        shown = PLAIN.text(line)
        assert all(part in shown for part in kept)

    def test_equal_secrets_have_equal_tags_only_under_the_same_key(self) -> None:
        one, other = KEYED.text("password=hunter2"), KEYED.text("pw: postgres://u:hunter2@db/x")
        tag = one.rsplit(":", 1)[1].rstrip("]")
        assert tag in other
        assert tag not in KEYED.text("password=hunter3")
        assert tag not in Redactor(b"another").text("password=hunter2")

    def test_a_private_key_over_many_lines_is_gone_and_the_lines_after_it_are_not(self) -> None:
        lines = ["boot", "-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEIB", "-----END EC PRIVATE KEY-----", "ready"]
        assert list(PLAIN.lines(lines)) == ["boot", "[REDACTED:private-key]", "ready"]

    def test_a_private_key_without_an_end_does_not_swallow_the_log(self) -> None:
        lines = ["-----BEGIN PRIVATE KEY-----", *["MHcCAQEEIB"] * 1000, "ready"]
        assert list(PLAIN.lines(lines))[-1] == "ready"

    @given(st.text(max_size=400))
    def test_any_text_is_answered_and_redacting_twice_changes_nothing(self, text: str) -> None:
        once = PLAIN.text(text)
        assert PLAIN.text(once) == once

    @given(
        st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~+", min_size=8, max_size=60),
        st.sampled_from(
            [
                "password={}", "PASSWORD: {}", "db.password={}&x=1", '"password":"{}"', "'apiKey': '{}'",
                "postgres://u:{}@db:5432/x", "--token {} --v=2", "client_secret={};", "DB_PASSWORD={}",
            ]
        ),
        st.text("abc XYZ,;[]{}\n", max_size=20),
    )  # fmt: skip
    def test_a_generated_password_is_found_wherever_it_is_named(self, password: str, form: str, around: str) -> None:
        secret = f"7{password}Q"
        shown = PLAIN.text(f"{around} {form.format(secret)} {around}")
        assert secret not in shown

    @given(
        st.integers(0, 2**128),
        st.sampled_from(["{:032x}", "sha256:{:064x}", "uid={:032x}", "web-{:08x}-abcde", "0x{:x}"]),
    )
    def test_hashes_and_identities_survive(self, number: int, form: str) -> None:
        text = form.format(number)
        assert PLAIN.text(text) == text

    @pytest.mark.parametrize(
        "text",
        ["password" * 5000, "a." * 20_000 + "@", "://" * 10_000, "token=" * 8000, "-----BEGIN PRIVATE KEY-----" * 500,
                 "a_" * 20_000 + "password", "cookie: " + "a=b; " * 8000, "eyJ" * 10_000, "x@" * 20_000,
         ("a" * 64 + "@") * 500],
    )  # fmt: skip
    def test_hostile_text_is_answered_in_this_life(self, text: str) -> None:
        assert isinstance(PLAIN.text(text), str)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["PASSWORD", "DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "password", "dbPassword", "API_KEY", "apiKey", "X-Api-Key",
         "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "clientSecret", "redis-password",
         "POSTGRES_PASSWORD_1",         "jwt.secret", "SECRET_KEY_BASE64", "private_key", "session_id"],
    )  # fmt: skip
    def test_names_of_secrets(self, name: str) -> None:
        assert holds_secret(name, "s3cr3t-value")

    @pytest.mark.parametrize(
        "name",
        ["PORT", "PASSWORD_FILE", "SECRET_NAME", "TOKEN_URL", "KEYSPACE", "MONKEY", "COMPASS", "PASSENGERS",
         "BYPASS_CACHE",         "TOKENIZER", "PRIMARY_KEY_COLUMN", "PAINT_SERVICE_URL", "SECRETARY", "key", "AUTHOR"],
    )  # fmt: skip
    def test_names_of_other_things(self, name: str) -> None:
        assert not holds_secret(name, "s3cr3t-value")

    @pytest.mark.parametrize("value", ["", "true", "False", "3600", "/etc/token", "$(TOKEN)"])
    def test_switches_paths_and_references_are_no_secrets(self, value: str) -> None:
        assert not holds_secret("TOKEN", value)


class TestObjects:
    def test_of_a_secret_names_and_keys_stay(self) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {
                "name": "regcred",
                "namespace": "shop",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"aHVudGVyMg=="}}'},
                "managedFields": [{}],
            },
            "data": {".dockerconfigjson": "aHVudGVyMg=="},
            "stringData": {"user": "hunter2"},
        }
        shown = redact_object(kinds.SECRET, secret, KEYED)
        assert set(shown["data"]) == {".dockerconfigjson", "user"}
        assert shown["type"] == "kubernetes.io/dockerconfigjson"
        assert "aHVudGVyMg" not in json.dumps(shown)
        assert "hunter2" not in json.dumps(shown)

    def test_variables_arguments_headers_annotations_and_messages_are_searched(self) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "web",
                "annotations": {"vault/token": "abcdefgh", "owner": "ann@example.com", "v": "1"},
            },
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "registry.example.com/shop/web@sha256:" + "0" * 64,
                        "env": [
                            {"name": "DB_PASSWORD", "value": "hunter2"},
                            {"name": "DB_URL", "value": "postgres://shop:hunter2@db:5432/orders"},
                            {"name": "DB_HOST", "value": "db:5432"},
                            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "token"}}},
                        ],
                        "args": ["--password", "hunter2", "--user", "shop", "--api-key=hunter2hunter2"],
                        "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Api-Key", "value": "hunter2"}]}},
                    }
                ]
            },
            "status": {"message": "login failed: password=hunter2"},
        }
        shown = redact_object(kinds.POD, pod, KEYED)
        text = json.dumps(shown)
        assert "hunter2" not in text
        assert "ann@example.com" not in text
        assert "abcdefgh" not in text
        container = shown["spec"]["containers"][0]
        assert container["image"] == pod["spec"]["containers"][0]["image"]  # type: ignore[index]
        assert container["env"][2:] == pod["spec"]["containers"][0]["env"][2:]  # type: ignore[index]
        assert container["env"][1]["value"].endswith("@db:5432/orders")
        assert container["args"][2:4] == ["--user", "shop"]
        assert shown["metadata"]["annotations"]["v"] == "1"

    def test_of_a_config_map_addresses_stay_and_passwords_go(self) -> None:
        properties = "server.port=8080\nspring.datasource.password=hunter2\nstore.url=http://store:6379\n"
        config: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c"},
            "data": {"application.properties": properties, "PASSWORD": "hunter2", "STORE": "http://store:6379"},
            "binaryData": {"k": "aHVudGVyMg=="},
        }
        shown = redact_object(kinds.CONFIG_MAP, config, PLAIN)
        assert shown["data"]["STORE"] == "http://store:6379"
        assert "server.port=8080" in shown["data"]["application.properties"]
        assert "store.url=http://store:6379" in shown["data"]["application.properties"]
        assert "hunter2" not in json.dumps(shown)
        assert "aHVudGVyMg" not in json.dumps(shown)

    @settings(max_examples=60)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=30),
            lambda below: (
                st.lists(below, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["name", "value", "metadata", "data", "env", "annotations", "x"]), below, max_size=5
                )
            ),
            max_leaves=20,
        )
    )
    def test_any_shape_is_answered(self, value: object) -> None:
        for kind in (kinds.SECRET, kinds.CONFIG_MAP, kinds.POD):
            redact_object(kind, {"metadata": value, "data": value, "spec": value}, PLAIN)
