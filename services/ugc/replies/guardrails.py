"""What a reply may never contain, whoever wrote it: the composer, an LLM or a person.

Pure: `check` returns every violation with the words that caused it, so that a person knows what to change. Claims of
price, discount or promise pass only when a cited fact makes them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict

from services.ugc.understanding.language import UNKNOWN, language_of
from services.ugc.understanding.safety import toxicity_of
from services.ugc.understanding.text import lemma, read, skeleton
from shared.contracts.ugc import Voice
from shared.networks.eligibility import text_length

Code = Literal[
    "EMPTY",
    "TOO_LONG",
    "LANGUAGE",
    "LINK",
    "PRICE",
    "DISCOUNT",
    "PROMISE",
    "PERSONAL_DATA",
    "BANNED_WORD",
    "COMPETITOR",
    "PROMPT_LEAK",
    "TOXIC",
    "JOKE",
]
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>«»\"]+|(?<![\w@.])(?:[\w-]+\.)+[a-zа-я]{2,24}(?:/[^\s<>«»\"]*)?(?![\w@])", re.I
)
_TOP_LEVEL = re.compile(
    r"\.(com|org|net|io|ru|рф|su|me|ly|gl|cc|co|shop|store|info|biz|site|online|top|xyz|app|dev|de|fr|es|it|uk|eu|us|by|kz|ua|link|click|example|test|local)(?:[:/?#]|$)",
    re.I,
)
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w/])\+?\d(?:[\s\-().]{0,2}\d){8,14}(?!\w)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


class Violation(BaseModel):
    """One reason why a text may not leave; `found` are the words, where words caused it."""

    model_config = ConfigDict(frozen=True)

    code: Code
    detail: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text is held against. `facts` are the texts it may claim from; `links` where it may lead beside the
    voice's list.
    """

    voice: Voice
    max_length: int
    language: str | None = None
    facts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    complaint: bool = False


@cache
def _rules() -> Any:
    return yaml.safe_load(files("services.ugc.replies").joinpath("guardrails.yaml").read_text("utf-8"))


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _rules()[kind]), re.I)


def check(text: str, limits: Limits) -> list[Violation]:
    """All violations of a text, in the order of the rules; none means that it may leave."""
    visible = _INVISIBLE.sub("", text)
    return [violation for rule in _CHECKS for violation in rule(visible, limits)]


def _length(text: str, limits: Limits) -> Iterable[Violation]:
    if not text.strip():
        yield Violation(code="EMPTY", detail="The reply says nothing.")
    length = text_length(text)
    if length > limits.max_length:
        yield Violation(code="TOO_LONG", detail=f"{length} characters; this network takes {limits.max_length}.")


def _language(text: str, limits: Limits) -> Iterable[Violation]:
    taken = read(_ADDRESS.sub(" ", re.sub(r"[«\"“][^»\"”]*[»\"”]", " ", text)))
    letters = sum(len(word) for word in taken.words)
    if limits.language not in ("ru", "en") or letters < 20:
        return
    spoken = language_of(taken)
    if spoken not in (limits.language, UNKNOWN):
        yield Violation(code="LANGUAGE", detail=f"The reply is in '{spoken}', it should be in '{limits.language}'.")


def _links(text: str, limits: Limits) -> Iterable[Violation]:
    for match in _ADDRESS.finditer(re.sub(rf"(?<![\w/]){_EMAIL.pattern}", " ", text)):
        address = match[0].rstrip(".,;:!?)")
        explicit = address.lower().startswith(("http", "www."))
        if (explicit or _TOP_LEVEL.search(address)) and not _allowed(
            address, (*limits.voice.allowed_links, *limits.links)
        ):
            yield Violation(
                code="LINK", detail="Links may only lead to the brand's own and allowed addresses.", found=address
            )


def _allowed(address: str, allowed: Iterable[str]) -> bool:
    parts = _split(address)
    return any(_covers(_split(prefix), parts) for prefix in allowed if prefix.strip())


def _split(address: str) -> tuple[str, str]:
    whole = urlsplit(address if "://" in address else f"//{address}")
    return (whole.netloc.lower().removeprefix("www."), whole.path.rstrip("/"))


def _covers(prefix: tuple[str, str], address: tuple[str, str]) -> bool:
    """Same host (no look-alike suffixes, no user part before it), and the path below the prefix's."""
    return prefix[0] == address[0] and (
        not prefix[1] or address[1] == prefix[1] or address[1].startswith(prefix[1] + "/")
    )


def _claims(kind: str, code: Code, detail: str) -> Callable[[str, Limits], Iterable[Violation]]:
    """A rule: what the pattern finds must stand in a fact, with the same numbers."""

    def rule(text: str, limits: Limits) -> Iterable[Violation]:
        plain = _ADDRESS.sub(" ", text)
        for match in _pattern(kind).finditer(plain):
            if not _stated(match, plain, kind, limits.facts):
                yield Violation(code=code, detail=detail, found=match[0].strip())

    return rule


def _stated(match: re.Match[str], text: str, kind: str, facts: tuple[str, ...]) -> bool:
    """Whether the sentence around a claim repeats a fact: the fact makes such a claim too, and has all its numbers."""
    start = max(text.rfind(stop, 0, match.start()) for stop in ".!?\n") + 1
    numbers = set(_NUMBER.findall(text[start : match.end() + 12])) | set(_NUMBER.findall(match[0]))
    said = {lemma(word.casefold()) for word in re.findall(r"[^\W\d_]+", match[0])}
    for fact in facts:
        known = {lemma(word.casefold()) for word in re.findall(r"[^\W\d_]+", fact)}
        if _pattern(kind).search(fact) and numbers <= set(_NUMBER.findall(fact)) and said <= known:
            return True
    return False


def _personal(text: str, limits: Limits) -> Iterable[Violation]:
    detail = "Personal data does not belong into a public reply."
    allowed, without_links = " ".join(limits.facts), re.sub(r"https?://\S+", " ", text)
    for pattern in (_EMAIL, _PHONE):
        found = (match[0] for match in pattern.finditer(without_links))
        yield from (Violation(code="PERSONAL_DATA", detail=detail, found=data) for data in found if data not in allowed)
    yield from (
        Violation(code="PERSONAL_DATA", detail=detail, found=match[0].strip())
        for match in _pattern("personal").finditer(text)
    )


def _banned(text: str, limits: Limits) -> Iterable[Violation]:
    yield from _named(text, limits.voice.banned_words, "BANNED_WORD", "The brand does not use this word.")
    yield from _named(text, limits.voice.competitors, "COMPETITOR", "A reply names no competitor.")


def _named(text: str, words: Iterable[str], code: Code, detail: str) -> Iterable[Violation]:
    taken = read(text)
    forms = " ".join(taken.lemmas)
    seen = " ".join(skeleton(word) for word in re.findall(r"\w+", text))
    for word in words:
        wanted = " ".join(read(word).lemmas)
        plain = " ".join(skeleton(part) for part in re.findall(r"\w+", word))
        if (wanted and f" {wanted} " in f" {forms} ") or (plain and f" {plain} " in f" {seen} "):
            yield Violation(code=code, detail=detail, found=word)


def _leak(text: str, limits: Limits) -> Iterable[Violation]:
    for match in _pattern("prompt_leak").finditer(text):
        yield Violation(code="PROMPT_LEAK", detail="The reply talks about its own making.", found=match[0])


def _toxic(text: str, limits: Limits) -> Iterable[Violation]:
    if toxicity_of(read(text)) >= 0.5:
        yield Violation(code="TOXIC", detail="The reply contains strong language.")


def _joke(text: str, limits: Limits) -> Iterable[Violation]:
    if limits.complaint and (found := read(text).emoji or _pattern("joke").findall(text)):
        yield Violation(code="JOKE", detail="A complaint is never answered with emoji or jokes.", found=str(found[0]))


_CHECKS: tuple[Callable[[str, Limits], Iterable[Violation]], ...] = (
    _length,
    _language,
    _links,
    _claims("price", "PRICE", "A price may only be named as the facts name it."),
    _claims("discount", "DISCOUNT", "No discount, gift or code that is not among the facts."),
    _claims("promise", "PROMISE", "No promise that is not among the facts."),
    _personal,
    _banned,
    _leak,
    _toxic,
    _joke,
)
