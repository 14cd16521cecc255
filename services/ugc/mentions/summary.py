"""A mention as other services hear of it. Pure."""

from services.ugc.models import Mention
from shared.contracts.ugc import MentionSummary


def summary_of(mention: Mention) -> MentionSummary:
    """What events carry of a mention."""
    understood = mention.understanding
    return MentionSummary(
        network=mention.network,
        external_id=mention.external_id,
        kind=mention.kind,
        author=mention.author,
        person_id=mention.person_id,
        customer_id=mention.customer_id,
        language=understood.language,
        sentiment=understood.sentiment,
        intent=understood.intent,
        products=mention.products,
        hashtags=mention.hashtags,
        posted_at=mention.posted_at,
        engagement=mention.engagement,
    )
