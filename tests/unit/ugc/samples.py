"""Documents for tests."""

from datetime import UTC, datetime
from typing import Any

from services.ugc.mentions.record import hear_first
from services.ugc.models import Mention, ReplyDocument
from shared.contracts.ugc import Author, NeutralMention, RecordMention

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def neutral(text: str = "Спасибо", **fields: Any) -> NeutralMention:
    known = {"external_id": "1:2", "kind": "comment", "author": Author(id="42", handle="anna"), "posted_at": NOW}
    return NeutralMention(text=text, **(known | fields))


def mention(text: str = "Спасибо", **fields: Any) -> Mention:
    heard = RecordMention(
        brand_id="brd_1", mention_id="men_1", connection_id="con_1", network="telegram", mention=neutral(text, **fields)
    )
    return hear_first(heard, NOW)


def reply(**fields: Any) -> ReplyDocument:
    known = {
        "id": "rpl_1",
        "brand_id": "brd_1",
        "mention_id": "men_1",
        "connection_id": "con_1",
        "network": "telegram",
        "target": "1:2",
        "status": "proposed",
        "text": "Спасибо, Анна!",
        "language": "ru",
        "move": "thank",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return ReplyDocument.model_validate(known | fields)
