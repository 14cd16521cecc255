"""Which function handles which message. A wrong registration fails at import, not at run time."""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.contracts.base import Command, Message
from shared.documents import Document
from shared.errors import Reply
from shared.records import IngressRecord, Meta
from shared.topics import Service, Topic
from shared.unit_of_work import UnitOfWork

M = TypeVar("M", bound=Message)
Wanted = Iterable[tuple[type[Document], str]]
MessageHandler = Callable[[M, UnitOfWork, Meta], Awaitable[Reply | None]]
IngressHandler = Callable[[IngressRecord, UnitOfWork], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """A message type's handler and what it wants read before the batch is handled."""

    model: type[Message]
    handle: Callable[[Any, UnitOfWork, Meta], Awaitable[Reply | None]]
    prefetch: Callable[[Any], Wanted] | None


class Handlers:
    """A service's handlers. The topics it consumes follow from what is registered."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.routes: dict[str, Route] = {}
        self.ingress_routes: dict[Topic, IngressHandler] = {}

    def on(
        self, model: type[M], *, prefetch: Callable[[M], Wanted] | None = None
    ) -> Callable[[MessageHandler[M]], MessageHandler[M]]:
        """Register the handler of a command or event."""

        def register(function: MessageHandler[M]) -> MessageHandler[M]:
            name = model.__name__
            if name in self.routes:
                raise TypeError(f"{self.service} handles {name} twice")
            if not inspect.iscoroutinefunction(function) or len(inspect.signature(function).parameters) != 3:
                raise TypeError(f"the handler of {name} must be `async def f(message, uow, meta)`")
            if issubclass(model, Command) and model.topic != Topic.commands(self.service):
                raise TypeError(f"{name} belongs to {model.topic}; {self.service} may not handle it")
            self.routes[name] = Route(model, function, prefetch)
            return function

        return register

    def ingress(self, topic: Topic) -> Callable[[IngressHandler], IngressHandler]:
        """Register the handler of an ingress topic."""

        def register(function: IngressHandler) -> IngressHandler:
            if topic in self.ingress_routes:
                raise TypeError(f"{self.service} handles {topic} twice")
            self.ingress_routes[topic] = function
            return function

        return register

    @property
    def topics(self) -> list[Topic]:
        """What to subscribe to, in a stable order."""
        return sorted({route.model.topic for route in self.routes.values()} | set(self.ingress_routes))
