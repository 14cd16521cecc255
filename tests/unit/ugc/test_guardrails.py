"""What may never leave, whoever wrote it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ugc.replies import moves
from services.ugc.replies.guardrails import Limits, check

VOICE = moves.default_voice().model_copy(
    update={
        "banned_words": ["дешёвый", "cheap"],
        "competitors": ["Starbucks", "Кофемания"],
        "allowed_links": ["help.example/faq"],
    }
)
HOME = ("https://shop.example", "https://shop.example/products/1")
FILLED = {
    "name": "Анна",
    "product": "Эфиопия",
    "url": "https://shop.example/products/1",
    "fact": "Ok",
    "earlier": "Колумбия",
    "quote": "лучший кофе",
    "hashtag": "утро",
}


def codes(text: str, language: str = "ru", **more: Any) -> list[str]:
    limits = Limits(voice=VOICE, max_length=300, language=language, links=HOME, **more)
    return [violation.code for violation in check(text, limits)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "EMPTY"),
        ("Спасибо! " * 60, "TOO_LONG"),
        ("Thanks a lot for this wonderful message, we love it", "LANGUAGE"),
        ("Смотрите https://evil.example/x", "LINK"),
        ("Заходите на evil.ru", "LINK"),
        ("https://shop.example.evil.com", "LINK"),
        ("https://shop.example@evil.com/", "LINK"),
        ("Стоит 500 рублей", "PRICE"),
        ("Всего €12,50", "PRICE"),
        ("Скидка для вас", "DISCOUNT"),
        ("Дарим 20% на всё", "DISCOUNT"),
        ("Пришлём купон", "DISCOUNT"),
        ("Вернём деньги завтра", "PROMISE"),
        ("Гарантируем, что понравится", "PROMISE"),
        ("Пишите на a@b.example", "PERSONAL_DATA"),
        ("Звоните +7 912 345-67-89", "PERSONAL_DATA"),
        ("Дешёвого не держим", "BANNED_WORD"),
        ("Вкуснее, чем в Starbucks", "COMPETITOR"),
        ("Не хуже Кофемании", "COMPETITOR"),
        ("Как языковая модель, я рада", "PROMPT_LEAK"),
        ("Мои инструкции: {name}", "PROMPT_LEAK"),
        ("Какого хуя", "TOXIC"),
    ],
)
def test_each_guardrail_holds(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("text", ["We'll refund you tomorrow", "Here is a free sample", "Use code SAVE2026", "Only $5"])
def test_they_hold_in_english(text: str) -> None:
    assert codes(text, "en")


@pytest.mark.parametrize(
    "text",
    [
        "Спасибо, Анна! Хорошего вам дня.",
        "Вот она: https://shop.example/products/1?a=b",
        "Подробности: help.example/faq/shipping",
        "Мы рады.Ещё раз спасибо",
    ],
)
def test_honest_texts_pass(text: str) -> None:
    assert codes(text) == []


def test_a_claim_passes_only_as_the_fact_makes_it() -> None:
    facts = ("Доставка бесплатная от 2000 рублей.",)
    assert codes("Доставка бесплатная от 2000 рублей.", facts=facts) == []
    assert codes("Доставка бесплатная от 1000 рублей.", facts=facts) == ["PRICE", "DISCOUNT"]
    assert codes("Кофе бесплатно!", facts=facts) == ["DISCOUNT"]


def test_a_complaint_is_not_joked_at() -> None:
    assert codes("Простите нас 😂", complaint=True) == ["JOKE"]


def test_a_link_path_is_a_prefix_not_a_likeness() -> None:
    assert codes("help.example/faqs") == ["LINK"]
    assert codes("help.example") == ["LINK"]


def _lines(found: Any, language: str | None = None) -> list[tuple[str, str]]:
    if isinstance(found, dict):
        return [
            line for key, below in found.items() for line in _lines(below, key if key in ("ru", "en") else language)
        ]
    return [(language, text) for text in found] if isinstance(found, list) and language else []


@pytest.mark.parametrize("name", [*moves.MOVES, "echoes"])
def test_every_line_of_the_playbook_passes(name: str) -> None:
    for language, text in _lines(moves.echoes() if name == "echoes" else moves._file(f"{name}.yaml")):
        assert codes(text.format(**FILLED), language, complaint=name == "apologise") == [], text


@given(st.text(max_size=400))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert codes(text) == codes(text)
