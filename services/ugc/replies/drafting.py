"""Writing drafts, in the brand's own partition: one writer sees every line the brand says, so none comes twice."""

from dataclasses import replace

from services.ugc.catalogue.entries import facts_of
from services.ugc.models import Product, SaidByBrand, SaidToPerson, VoiceDocument
from services.ugc.registry import handlers
from services.ugc.replies.composer import Draft, History, Situation, compose, digest, with_language
from services.ugc.replies.guardrails import Limits, Violation, check
from services.ugc.repository import own_links, products_of, voice_of
from shared.brands import Brand
from shared.contracts.ugc import (
    CitedFact,
    DraftedReply,
    DraftReply,
    DraftRequest,
    GuardrailHit,
    ProposeReply,
    SetVoice,
    Voice,
)
from shared.errors import Reply
from shared.ids import derived_id
from shared.records import Meta
from shared.unit_of_work import UnitOfWork

_REMEMBERED_DRAFTS, _REMEMBERED_TEXTS, _REMEMBERED_LINES = 40, 1000, 400
_TRIES = 4
_UNWANTED_ALONE = frozenset({"complaint", "question", "spam"})


@handlers.on(SetVoice, prefetch=lambda m: [(VoiceDocument, m.brand_id)])
async def set_voice(message: SetVoice, uow: UnitOfWork, meta: Meta) -> Reply:
    """Replace the voice; drafts made from now on speak with it."""
    uow.save(VoiceDocument(id=message.brand_id, brand_id=message.brand_id, voice=message.voice, updated_at=uow.now))
    return Reply(body=message.voice.model_dump(mode="json"))


@handlers.on(DraftReply, prefetch=lambda m: [(SaidByBrand, m.brand_id), (VoiceDocument, m.brand_id)])
async def draft_reply(message: DraftReply, uow: UnitOfWork, meta: Meta) -> None:
    """Compose, hold against the guardrails, remember what was said, and hand the draft to the mention."""
    request, brand_id = message.request, message.brand_id
    voice = await voice_of(uow, brand_id)
    products = await products_of(uow, brand_id, [*request.products, *filter(None, [request.earlier_product])])
    brand_words, person_words = await _said(message, uow)
    situation = await _situation(message, voice, products, uow)
    links = await own_links(uow, brand_id, products)
    draft, violations = _write(situation, _history(brand_words, person_words), links)
    _remember(draft, brand_words, person_words, uow)
    uow.emit(
        ProposeReply(
            brand_id=brand_id,
            mention_id=message.mention_id,
            reply_id=message.reply_id,
            purpose=message.purpose,
            draft=_drafted(draft, violations, request, voice),
        )
    )


async def _said(message: DraftReply, uow: UnitOfWork) -> tuple[SaidByBrand, SaidToPerson]:
    author = message.request.author
    who = derived_id(
        "said", message.brand_id, message.request.network, author.id or author.handle or message.mention_id
    )
    brand_words = await uow.get(SaidByBrand, message.brand_id) or SaidByBrand(
        id=message.brand_id, brand_id=message.brand_id
    )
    return brand_words, await uow.get(SaidToPerson, who) or SaidToPerson(id=who, brand_id=message.brand_id)


def _history(brand_words: SaidByBrand, person_words: SaidToPerson) -> History:
    return History(
        brand=tuple(frozenset(lines) for lines in brand_words.drafts),
        person=frozenset(person_words.lines),
        texts=frozenset(brand_words.texts) | frozenset(person_words.texts),
    )


async def _situation(message: DraftReply, voice: Voice, products: list[Product], uow: UnitOfWork) -> Situation:
    request = message.request
    brand = await uow.get(Brand, message.brand_id)
    languages = voice.languages or (brand.profile.languages if brand else ["en"])
    base = Situation(
        seed=message.reply_id,
        text=request.text,
        language=request.language,
        intent=request.intent,
        sentiment=request.sentiment,
        kind=request.kind,
        voice=voice,
        max_length=request.max_length,
        now=uow.now,
        author_name=request.author.name,
        hashtags=tuple(request.hashtags),
        earlier_mentions=request.earlier_mentions,
        ambassador=request.person_id is not None,
        has_image=request.has_image,
        purpose=message.purpose,
    )
    spoken = with_language(base, languages)
    facts = {product.shop.product_id: facts_of(product, spoken.language) for product in products if product.shop}
    earlier = facts.get(request.earlier_product or "")
    return replace(
        spoken,
        products=tuple(facts[id] for id in request.products if id in facts),
        earlier_product=earlier.title if earlier else None,
    )


def _write(situation: Situation, history: History, links: tuple[str, ...]) -> tuple[Draft, list[Violation]]:
    """The first of a few drafts that passes the guardrails; else the last one, with what is wrong about it."""
    draft, violations = compose(situation, history), list[Violation]()
    for attempt in range(_TRIES):
        violations = check(draft.text, _limits(situation, draft, links))
        if not violations:
            break
        draft = compose(replace(situation, seed=f"{situation.seed}:{attempt}"), history)
    return draft, violations


def _limits(situation: Situation, draft: Draft, links: tuple[str, ...]) -> Limits:
    return Limits(
        voice=situation.voice,
        max_length=situation.max_length,
        language=draft.language,
        links=links,
        facts=tuple(fact.text for fact in draft.facts),
        complaint=draft.move == "apologise",
    )


def _remember(draft: Draft, brand_words: SaidByBrand, person_words: SaidToPerson, uow: UnitOfWork) -> None:
    lines, text = list(draft.lines), digest(draft.text)
    uow.save(
        brand_words.model_copy(
            update={
                "drafts": [*brand_words.drafts, lines][-_REMEMBERED_DRAFTS:],
                "texts": [*brand_words.texts, text][-_REMEMBERED_TEXTS:],
            }
        )
    )
    uow.save(
        person_words.model_copy(
            update={
                "lines": [*person_words.lines, *lines][-_REMEMBERED_LINES:],
                "texts": [*person_words.texts, text][-_REMEMBERED_LINES:],
            }
        )
    )


def _drafted(draft: Draft, violations: list[Violation], request: DraftRequest, voice: Voice) -> DraftedReply:
    alone = (
        request.intent not in _UNWANTED_ALONE
        and request.sentiment > 0
        and draft.move not in ("apologise", "find_out", "ask_rights")
    )
    needs_person = draft.needs_person or request.cautious or bool(violations)
    return DraftedReply(
        text=draft.text,
        language=draft.language,
        move=draft.move,
        generator="composer",
        facts=[CitedFact(id=fact.id, text=fact.text) for fact in draft.facts],
        guardrails=[GuardrailHit(**violation.model_dump()) for violation in violations],
        needs_person=needs_person,
        auto_send=voice.policy.auto_send and alone and not needs_person,
    )
