"""The service's registers, in which handlers and effects enter themselves."""

from shared.effects import Effects
from shared.handlers import Handlers
from shared.topics import Service

handlers = Handlers(Service.AMBASSADORS)
effects = Effects(Service.AMBASSADORS)
