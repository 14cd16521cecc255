"""The messages between services: commands (imperative) and events (past tense), one module per owner.

Importing this package registers every message, so that a record's `type` header finds its class.
"""

from shared.contracts import ambassadors, gateway, ingress, rewards, ugc
from shared.contracts.base import Command, Event, Message, registry

__all__ = ["Command", "Event", "Message", "ambassadors", "gateway", "ingress", "registry", "rewards", "ugc"]
