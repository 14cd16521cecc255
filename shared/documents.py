"""Documents of MongoDB as immutable pydantic models. Only repositories and the unit of work touch collections."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pymongo import IndexModel


class Document(BaseModel):
    """A document of one collection. Changed by `model_copy(update=…)` and `UnitOfWork.save`.

    Decimals and money are stored as strings, times as UTC dates (milliseconds, as BSON has them). Fields a newer
    version wrote are ignored by an older one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    collection: ClassVar[str]
    indexes: ClassVar[list[IndexModel]] = []

    id: str
    brand_id: str

    @classmethod
    def load(cls, raw: dict[str, Any]) -> Self:
        """The document from what the driver returned."""
        return cls.model_validate({**raw, "id": raw["_id"]})

    def dump(self) -> dict[str, Any]:
        """The document as the driver stores it."""
        raw = self.model_dump()
        raw["_id"] = raw.pop("id")
        return raw
