from __future__ import annotations

from collections.abc import Iterator

import pytest

from tidings_services.connection import kafka_connection
from tidings_services.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_BOOTSTRAP_SERVERS", "kafka:1")
    monkeypatch.setenv("TIDINGS_DATA", "/somewhere")

    assert load_settings().bootstrap_servers == "kafka:1"
    assert str(load_settings().data_directory) == "/somewhere"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIDINGS_HTTP_PORT", "70000"),
        ("TIDINGS_PROVIDER", "tpu"),
        ("TIDINGS_ABSTAIN_BELOW", "1.5"),
        ("TIDINGS_MAX_BATCH_MESSAGES", "many"),
    ],
)
def test_value_out_of_range_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=variable):
        load_settings()


def test_sasl_without_a_password_is_named() -> None:
    settings = Settings(security_protocol="SASL_SSL", sasl_username="u")

    with pytest.raises(SettingsError, match="TIDINGS_SASL_PASSWORD"):
        kafka_connection(settings)


def test_certificates_that_are_not_there_are_named() -> None:
    settings = Settings(security_protocol="SSL", ssl_ca_file="none.pem")

    with pytest.raises(SettingsError, match="TIDINGS_SSL_CA_FILE"):
        kafka_connection(settings)


def test_password_reaches_the_clients() -> None:
    settings = Settings(
        security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password="hidden"
    )

    options = kafka_connection(settings).client_options()

    assert options["sasl_plain_password"] == "hidden"
    assert "hidden" not in repr(settings)
