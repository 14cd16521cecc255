"""Who gets a grant, and by which names caps know them."""

from services.rewards.models import KnownAmbassador
from shared.contracts.ambassadors import OrderAttributed
from shared.contracts.rewards import Recipient
from shared.contracts.ugc import MentionSummary


def people_of(recipient: Recipient) -> list[str]:
    """Every name the person is known by. Caps count each, so that nobody becomes two people by signing in."""
    names = [recipient.key]
    if recipient.customer_id:
        names.append(f"customer:{recipient.customer_id}")
    if recipient.ambassador_id:
        names.append(f"ambassador:{recipient.ambassador_id}")
    for account in (_account(recipient.author_id, None), _account(None, recipient.handle)):
        if recipient.network and account:
            names.append(f"{recipient.network}:{account}")
    return list(dict.fromkeys(names))


def buyer(event: OrderAttributed) -> Recipient | None:
    """The order's customer; None for a guest, who can't be told apart from another guest."""
    if event.customer_id is None:
        return None
    return Recipient(key=f"customer:{event.customer_id}", customer_id=event.customer_id)


def ambassador(id: str, known: KnownAmbassador | None, customer_id: str | None = None) -> Recipient:
    """An ambassador, as a customer if known as one."""
    customer = customer_id or (known.customer_id if known else None)
    key = f"customer:{customer}" if customer else f"ambassador:{id}"
    language = known.language if known else "en"
    return Recipient(key=key, customer_id=customer, ambassador_id=id, language=language)


def completed(recipient: Recipient, known: KnownAmbassador | None) -> Recipient:
    """The recipient with the customer id their ambassador is known by, where the sender did not know it."""
    if recipient.customer_id or known is None or known.customer_id is None:
        return recipient
    return recipient.model_copy(update={"customer_id": known.customer_id, "key": f"customer:{known.customer_id}"})


def author(mention: MentionSummary, known: KnownAmbassador | None) -> Recipient | None:
    """Who wrote a mention, by the surest name; None when the network does not say who it was."""
    account = _account(mention.author.id, mention.author.handle)
    customer = mention.customer_id or (known.customer_id if known else None)
    if customer:
        key = f"customer:{customer}"
    elif mention.person_id:
        key = f"ambassador:{mention.person_id}"
    elif account:
        key = f"{mention.network}:{account}"
    else:
        return None
    return Recipient(
        key=key,
        customer_id=customer,
        ambassador_id=mention.person_id,
        network=mention.network,
        author_id=mention.author.id,
        handle=mention.author.handle,
        language=mention.language if mention.language != "und" else "en",
    )


def _account(id: str | None, handle: str | None) -> str | None:
    return id or (f"@{handle.lstrip('@').lower()}" if handle else None)
