"""The Kafka topics of Vouch. Names are prefixed from settings; order holds per record key only."""

from enum import StrEnum


class Service(StrEnum):
    GATEWAY = "gateway"
    UGC = "ugc"
    AMBASSADORS = "ambassadors"
    REWARDS = "rewards"


class Topic(StrEnum):
    """Topic names without prefix."""

    INGRESS_SOCIAL = "ingress.social"
    INGRESS_SHOPIFY = "ingress.shopify"
    COMMANDS_GATEWAY = "commands.gateway"
    COMMANDS_UGC = "commands.ugc"
    COMMANDS_AMBASSADORS = "commands.ambassadors"
    COMMANDS_REWARDS = "commands.rewards"
    EVENTS_GATEWAY = "events.gateway"
    EVENTS_UGC = "events.ugc"
    EVENTS_AMBASSADORS = "events.ambassadors"
    EVENTS_REWARDS = "events.rewards"
    REPLIES = "replies"
    DLQ_GATEWAY = "dlq.gateway"
    DLQ_UGC = "dlq.ugc"
    DLQ_AMBASSADORS = "dlq.ambassadors"
    DLQ_REWARDS = "dlq.rewards"

    @classmethod
    def dead_letters(cls, service: Service) -> "Topic":
        return cls(f"dlq.{service}")

    @classmethod
    def commands(cls, service: Service) -> "Topic":
        return cls(f"commands.{service}")


def all_topics(prefix: str) -> list[str]:
    """Every topic's full name."""
    return [prefix + topic for topic in Topic]
