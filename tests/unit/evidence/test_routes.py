"""Of a gateway's configuration only names, paths and addresses are kept."""

from incident_commander.evidence.routes import routes


def test_names_paths_and_addresses_are_kept_in_their_order() -> None:
    written = (
        "spring:\n  cloud:\n    gateway:\n      routes:\n      - id: orders\n        uri: lb://orders:8080\n"
        "        predicates:\n        - Path=/api/orders/**\n"
    )
    assert routes(written) == ["name orders", "to lb://orders:8080", "path /api/orders/**"]


def test_nginx_says_the_path_first() -> None:
    assert routes("location ~ /cart/ {\n  proxy_pass http://cart:80;\n}") == ["path /cart/", "to http://cart:80"]


def test_credentials_and_everything_else_stay_out() -> None:
    written = "uri: https://user:hunter2@store:443/x\npassword: hunter2\ntoken = abc\nproxy_pass http://cart:80;"
    kept = routes(written)
    assert "hunter2" not in " ".join(kept)
    assert kept == ["to http://cart:80"]


def test_a_text_without_an_address_holds_no_route() -> None:
    assert routes("name: a\npath: /b\n" * 3) == []
