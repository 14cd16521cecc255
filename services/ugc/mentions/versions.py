"""How deliveries of the same mention come together, whatever their order. Pure."""

from dataclasses import dataclass
from datetime import datetime

from services.ugc.models import Mention, text_digest
from shared.contracts.ugc import Engagement, NeutralMention


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a delivery changes: `text` (words or pictures are new), `counters`, `restored` (was deleted)."""

    text: bool = False
    counters: bool = False
    restored: bool = False

    @property
    def anything(self) -> bool:
        return self.text or self.counters or self.restored


def version_at(heard: NeutralMention) -> datetime:
    """When this version was written."""
    return heard.edited_at or heard.posted_at


def compare(known: Mention, heard: NeutralMention) -> Arrival:
    """What a delivery changes in what is known. An older edit than the known one changes no words.

    A mention deleted before it was ever seen stays deleted at its late first arrival; one that was seen is restored.
    """
    if known.deleted:
        return Arrival(restored=not known.unseen)
    newer = version_at(heard) > known.version_at
    # Some networks tell no time of an edit: there, what arrives is new unless it was replaced before.
    timeless = version_at(heard) == known.version_at and text_digest(heard.text) not in known.past_texts
    text = (newer or timeless) and (heard.text != known.text or list(heard.media) != known.media)
    return Arrival(text=text, counters=highest(known.engagement, heard.engagement) != known.engagement)


def highest(one: Engagement, other: Engagement) -> Engagement:
    """The higher of each counter: the same whatever order reports come in."""
    return Engagement(**{name: max(getattr(one, name), getattr(other, name)) for name in Engagement.model_fields})
