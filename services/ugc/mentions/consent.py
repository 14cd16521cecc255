"""Asking for rights and what the author answers."""

from services.ugc.mentions import rights
from services.ugc.mentions.handlers import existing
from services.ugc.mentions.people import keys_of
from services.ugc.models import Mention, Person, Rights
from services.ugc.registry import handlers
from services.ugc.replies.requests import ask_for_rights
from services.ugc.views import mention_view
from shared.contracts.ambassadors import AmbassadorChanged
from shared.contracts.ugc import AnswerRights, ExpireRights, RequestRights, RightsChanged
from shared.errors import Refused, Reply
from shared.records import Meta
from shared.unit_of_work import UnitOfWork


@handlers.on(RequestRights, prefetch=lambda m: [(Mention, m.mention_id)])
async def request_rights(message: RequestRights, uow: UnitOfWork, meta: Meta) -> Reply:
    """Ask the author in the thread; the question is a draft like any other and leaves when a person approves it."""
    mention = await existing(message.mention_id, message.brand_id, uow)
    if not mention.author.id:
        raise Refused(
            409,
            "author-unknown",
            "The network does not say who the author is",
            "Without the author's id no answer can be told to be theirs.",
        )
    asked = mention.model_copy(
        update={"rights": rights.request(mention, message.scope, message.valid_days, uow.now), "updated_at": uow.now}
    )
    asked = await ask_for_rights(asked, uow)
    uow.save(asked)
    uow.emit(RightsChanged(brand_id=asked.brand_id, mention_id=asked.id, status="requested"))
    return Reply(status=202, body=mention_view(asked).model_dump(mode="json"))


@handlers.on(AnswerRights, prefetch=lambda m: [(Mention, m.mention_id)])
async def answer_rights(message: AnswerRights, uow: UnitOfWork, meta: Meta) -> None:
    """The author's own clear yes or no under the mention; everybody else's words change nothing."""
    mention = await uow.get(Mention, message.mention_id)
    if mention is None or mention.deleted or not message.author_id or mention.author.id != message.author_id:
        return
    answered = rights.answer(mention.rights, message.granted, message.external_id, uow.now)
    _keep(mention, answered, uow)


@handlers.on(ExpireRights, prefetch=lambda m: [(Mention, m.mention_id)])
async def expire_rights(message: ExpireRights, uow: UnitOfWork, meta: Meta) -> None:
    """The granted time is over."""
    mention = await uow.get(Mention, message.mention_id)
    if mention and mention.rights.expires_at and mention.rights.expires_at <= uow.now:
        _keep(mention, rights.lost(mention.rights, "expired"), uow)


def _keep(mention: Mention, changed: Rights, uow: UnitOfWork) -> None:
    if changed == mention.rights:
        return
    uow.save(mention.model_copy(update={"rights": changed, "updated_at": uow.now}))
    uow.emit(
        RightsChanged(
            brand_id=mention.brand_id, mention_id=mention.id, status=changed.status, expires_at=changed.expires_at
        )
    )


@handlers.on(AmbassadorChanged)
async def know_person(event: AmbassadorChanged, uow: UnitOfWork, meta: Meta) -> None:
    """Copy of an ambassador: by their accounts authors are told to be them."""
    profile = event.profile
    uow.save(
        Person(
            id=event.ambassador_id,
            brand_id=event.brand_id,
            name=profile.name,
            status=event.status,
            customer_id=profile.customer_id,
            accounts=profile.accounts,
            keys=keys_of(profile.accounts),
        )
    )
