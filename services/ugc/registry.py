"""What this service registers its handlers and effects with."""

from shared.effects import Effects
from shared.handlers import Handlers
from shared.topics import Service

handlers = Handlers(Service.UGC)
effects = Effects(Service.UGC)
