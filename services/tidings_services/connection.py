"""The settings' Kafka connection, for every client."""

from __future__ import annotations

import ssl

from tidings_services.settings import Settings, SettingsError
from tidings_streams.kafka_connection import KafkaConnection


def kafka_connection(settings: Settings) -> KafkaConnection:
    """How to reach the brokers that the settings name; raises SettingsError."""
    password = settings.sasl_password
    if settings.security_protocol.startswith("SASL") and not (settings.sasl_username and password):
        raise SettingsError(
            f"TIDINGS_SECURITY_PROTOCOL={settings.security_protocol} needs "
            "TIDINGS_SASL_USERNAME and TIDINGS_SASL_PASSWORD"
        )
    return KafkaConnection(
        bootstrap_servers=settings.bootstrap_servers,
        security_protocol=settings.security_protocol,
        sasl_mechanism=settings.sasl_mechanism,
        sasl_username=settings.sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ssl_context=_ssl_context(settings),
    )


def _ssl_context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.security_protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if settings.ssl_certificate_file is not None:
            context.load_cert_chain(settings.ssl_certificate_file, settings.ssl_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            "TIDINGS_SSL_CA_FILE, TIDINGS_SSL_CERTIFICATE_FILE or TIDINGS_SSL_KEY_FILE "
            f"can not be used: {error}"
        ) from None
    return context
