"""What every message has: a type, a version, a brand, the aggregate it is about (its key), and the topic it travels on.

The value of a Kafka record is the message as JSON; everything about its travel is in the record's headers
(`shared/records.py`). Readers ignore fields they do not know, so a newer writer may add optional fields; a field is
never renamed, retyped or removed within a version.
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.topics import Topic

BrandId = str
registry: dict[str, type["Message"]] = {}


class Value(BaseModel):
    """An immutable part of a message. Unknown fields are ignored on reading."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Value):
    """A command or an event. Subclasses name their topic and the field that keys them."""

    topic: ClassVar[Topic]
    keyed_by: ClassVar[str]
    version: ClassVar[int] = 1

    brand_id: BrandId = Field(
        description="The tenant this message belongs to.", examples=["brd_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"]
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__name__ in {"Command", "Event"} or cls.__name__.startswith("_"):
            return  # an abstract base, never sent
        if cls.keyed_by not in cls.model_fields:
            raise TypeError(f"{cls.__name__}.keyed_by names no field: {cls.keyed_by}")
        if registry.setdefault(cls.__name__, cls).__module__ != cls.__module__:
            raise TypeError(f"two messages are called {cls.__name__}")

    @property
    def key(self) -> str:
        """The record key: brand first, then the aggregate, so that one partition decides everything about it."""
        if self.keyed_by == "brand_id":
            return self.brand_id
        return f"{self.brand_id}:{getattr(self, self.keyed_by)}"


class Command(Message):
    """A wish, in the imperative. Decided by the owner of its key, in log order; may be refused."""


class Event(Message):
    """A fact, in the past tense. Never refused."""
