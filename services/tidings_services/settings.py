"""The settings: read once from the environment, here and nowhere else."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TIDINGS_"


class SettingsError(Exception):
    """A setting is missing or out of range; the message names the variable and what it may be."""


class Settings(BaseSettings):
    """Every setting.  `TIDINGS_` and a field's name in capitals is its environment variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True
    )

    # Kafka
    bootstrap_servers: str = Field(
        "127.0.0.1:9092", description="Kafka brokers, host:port, separated by commas."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, where the protocol has SASL."
    )
    sasl_username: str | None = Field(None, description="SASL user name.")
    sasl_password: SecretStr | None = Field(None, description="SASL password.")
    ssl_ca_file: Path | None = Field(None, description="CA certificates that sign the brokers'.")
    ssl_certificate_file: Path | None = Field(None, description="Our certificate, for mutual TLS.")
    ssl_key_file: Path | None = Field(None, description="Our private key, for mutual TLS.")
    group_prefix: str = Field(
        "tidings-", description="Consumer groups are named by this and the application."
    )
    session_timeout_seconds: float = Field(
        6.0, ge=1, le=300, description="A worker silent for so long is out of its group."
    )
    commit_interval_seconds: float = Field(
        0.5, gt=0, le=60, description="How often offsets are committed, at least once delivery."
    )
    delivery: Literal["at_least_once", "exactly_once"] = Field(
        "at_least_once",
        description="exactly_once writes outputs and offsets in Kafka transactions; read the "
        "outputs with isolation.level=read_committed.",
    )
    fetch_wait_seconds: float = Field(
        0.5, gt=0, le=30, description="How long a broker may hold a fetch of idle partitions."
    )
    drain_seconds: float = Field(
        15.0,
        gt=0,
        le=600,
        description="How long SIGTERM or a rebalance waits for what is in flight; less than the "
        "pod's grace period.",
    )
    stall_seconds: float = Field(
        300.0,
        ge=10,
        le=86_400,
        description="/healthz fails after so long without progress while records wait.",
    )
    partitions: int = Field(
        6, ge=1, le=10_000, description="Partitions of a topic that `tidings topics create` makes."
    )
    replication_factor: int = Field(
        1, ge=1, le=9, description="Replicas of a topic that `tidings topics create` makes."
    )

    # Models
    intents_bundle: str = Field(
        "intents-banking77", description="The intent router's bundle: a path or a shipped name."
    )
    sentiment_bundle: str = Field(
        "sentiment-finance", description="The sentiment monitor's bundle: a path or a shipped name."
    )
    provider: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="ONNX Runtime's execution provider; auto takes CUDA where it works."
    )
    inference_threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Threads of one ONNX Runtime session; the container's CPU limit where unset.",
    )
    prediction_cache_entries: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Predictions kept for texts that come again; 0 keeps none.",
    )
    data_directory: Path = Field(
        Path("../shared/data"),
        alias="TIDINGS_DATA",
        description="Where recipes find labelled data.",
    )

    # Decisions
    routing_table: Path | None = Field(
        None, description="YAML: intent to queue and priority; the shipped table where unset."
    )
    companies: Path | None = Field(
        None, description="YAML: companies and their names; the shipped table where unset."
    )
    abstain_below: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Probability below which a message goes to triage; "
        "the bundle's own where unset.",
    )
    max_text_characters: int = Field(
        10_000, ge=1, le=1_000_000, description="A longer text is a dead letter."
    )
    max_future_seconds: float = Field(
        300.0, ge=0, description="A news message dated further ahead is a dead letter."
    )
    lateness_seconds: float = Field(
        3600.0, ge=0, description="How long after its end a trend window still takes messages."
    )
    trend_interval_seconds: float = Field(
        1.0, gt=0, le=3600, description="How often changed trend windows are written."
    )
    dead_letters_keep_original: bool = Field(
        False, description="Whether dead letters carry the original bytes (personal data!)."
    )

    # The loop
    max_batch_messages: int = Field(
        512, ge=1, le=4096, description="Most messages that are taken together."
    )
    max_batch_tokens: int = Field(
        8192,
        ge=1,
        le=1_000_000,
        description="Most tokens that are classified before the decisions are sent.",
    )

    # The worker's and the dashboard's own HTTP
    http_host: str = Field("127.0.0.1", description="Address that /metrics or the page binds to.")
    http_port: int = Field(8080, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    dashboard_from: Literal["earliest", "latest"] = Field(
        "latest", description="Where the dashboard starts to read decisions."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )


@cache
def load_settings() -> Settings:
    """Read the environment; raises SettingsError naming each variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{variable_name(str(fault['loc'][0]))}: {fault['msg']}" for fault in error.errors()
        )
        raise SettingsError(
            f"{faults}.  `tidings config` prints what each setting may be."
        ) from None


def variable_name(field: str) -> str:
    """The environment variable of a field."""
    return field if field.startswith(PREFIX) else f"{PREFIX}{field.upper()}"


def child_environment(**settings: str) -> dict[str, str]:
    """The environment of a process of ours: this one's, and the settings by their field names."""
    return {**os.environ, **{variable_name(name): value for name, value in settings.items()}}
