"""Settings for tests: real ones, with throw-away secrets."""

import base64

from shared.settings import Settings

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()


def settings_for(mongo_uri: str, kafka: str, topic_prefix: str, database_prefix: str, **more: object) -> Settings:
    """Settings of one test's own topics and databases."""
    fields: dict[str, object] = {
        "mongo_uri": mongo_uri, "kafka": kafka, "topic_prefix": topic_prefix, "database_prefix": database_prefix,
        "master_key": MASTER_KEY, "operator_token": "operator-token-of-the-tests", "shopify_client_secrets": "shhh",
    }  # fmt: skip
    return Settings.model_validate(fields | more)


def environment(settings: Settings) -> dict[str, str]:
    """The same settings as environment variables, for a process of its own."""
    secrets = {"VOUCH_MASTER_KEY": settings.master_key, "VOUCH_OPERATOR_TOKEN": settings.operator_token}
    plain = {
        name: getattr(settings, name)
        for name in type(settings).model_fields
        if isinstance(getattr(settings, name), (str, int, float))
    }
    return {f"VOUCH_{name.upper()}": str(value) for name, value in plain.items()} | {
        name: secret.get_secret_value() for name, secret in secrets.items()
    }
