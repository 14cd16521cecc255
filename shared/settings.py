"""Settings from the environment (`VOUCH_…`), checked before anything starts.

A missing or impossible value ends the process with a sentence that says what to set.
"""

import base64
import binascii
from functools import lru_cache
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What a process of Vouch needs to know of its surroundings."""

    model_config = SettingsConfigDict(env_prefix="VOUCH_", frozen=True, extra="ignore")

    mongo_uri: str = Field(description="MongoDB replica set, for example mongodb://127.0.0.1:27017/?replicaSet=vouch")
    database_prefix: str = Field("vouch_", description="Before each service's database name.")
    kafka: str = Field(description="Kafka bootstrap servers, for example 127.0.0.1:9092")
    kafka_embedded: bool = Field(False, description="The broker keeps its log in memory (local try-outs only).")
    topic_prefix: str = Field("vouch.", description="Before each topic's name.")
    partitions: int = Field(4, ge=1, le=1000, description="Partitions of each topic when it is created.")
    replication: int = Field(1, ge=1, le=5, description="Replicas of each partition when a topic is created.")

    instance: str = Field(
        "", description="This process's lasting name (ugc-0): a restart takes its partitions back at once."
    )

    http_host: str = Field("127.0.0.1", description="Address the process listens on.")
    http_port: int = Field(8000, ge=1, le=65535, description="Port the process listens on.")
    public_url: str = Field("http://127.0.0.1:8000", description="The gateway's address as the world sees it.")

    master_key: SecretStr = Field(
        description="Base64 of 32 random bytes; seals secrets at rest: openssl rand -base64 32"
    )
    operator_token: SecretStr = Field(
        description="Lets an operator create brands and keys; at least 24 random characters."
    )

    shopify_client_id: str = Field("", description="The Shopify app's client id.")
    shopify_client_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="The app's client secret; during a rotation the new and the old one, separated by a comma."
    )
    shopify_url: str = Field(
        "https://{shop}", description="Where a shop's Admin API and OAuth live; {shop} is its domain."
    )
    shopify_api_version: str = Field("2026-10", pattern=r"^\d{4}-\d{2}$", description="Admin API version.")

    telegram_api_url: str = "https://api.telegram.org"
    vk_api_url: str = "https://api.vk.com"
    instagram_api_url: str = "https://graph.facebook.com"
    tiktok_api_url: str = "https://business-api.tiktok.com"
    youtube_api_url: str = "https://www.googleapis.com"

    command_timeout: float = Field(
        2.0, gt=0, le=30, description="Seconds a person's write waits for its outcome before 202."
    )
    batch_size: int = Field(1000, ge=1, le=10_000, description="Records per transaction at most.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("shopify_client_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("master_key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        try:
            length = len(base64.b64decode(value.get_secret_value(), validate=True))
        except binascii.Error as error:
            raise ValueError("must be base64; make one with: openssl rand -base64 32") from error
        if length != 32:
            raise ValueError(f"must be 32 bytes, has {length}; make one with: openssl rand -base64 32")
        return value

    @field_validator("operator_token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 24:
            raise ValueError("must have at least 24 characters; make one with: openssl rand -hex 24")
        return value

    @property
    def key_bytes(self) -> bytes:
        """The master key's 32 bytes."""
        return base64.b64decode(self.master_key.get_secret_value())


class SettingsError(SystemExit):
    """The environment does not let the process start; the message says what to set."""


def explain(error: ValidationError) -> str:
    """One line per wrong setting: its variable, what is wrong, and what it is for."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0])
        what = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        field = Settings.model_fields.get(name)
        hint = f" ({field.description})" if field and field.description else ""
        lines.append(f"VOUCH_{name.upper()}: {what}{hint}")
    return "Vouch can't start. Set in the environment:\n  " + "\n  ".join(lines)


@lru_cache
def load_settings() -> Settings:
    """The process's settings. Raises `SettingsError` (exit with a sentence) when one is missing or wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(explain(error)) from None
