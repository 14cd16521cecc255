"""What a mention says: language, feeling, intent, spam, products."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ugc.understanding import CatalogueEntry, ProductMatcher, understand
from services.ugc.understanding.text import join_spaced, read, skeleton

MATCHER = ProductMatcher(
    [
        CatalogueEntry("1", ("Ethiopia Yirgacheffe", "Эфиопия Иргачефф"), ("иргачиф",), ("Coffee", "Кофе")),
        CatalogueEntry("2", ("Colombia Huila", "Колумбия Уила"), (), ("Coffee",)),
        CatalogueEntry("3", ("Espresso Blend Midnight", "Эспрессо-смесь Полночь"), ("ночнушка",), ("Coffee",)),
        CatalogueEntry("4", ("V60 Dripper", "Воронка V60")),
        CatalogueEntry("5", ("Espresso Blend Dawn", "Эспрессо-смесь Рассвет"), (), ("Coffee",)),
    ]
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("супер", "ru"),
        ("топчик", "ru"),
        ("Отличный кофе, спасибо", "ru"),
        ("thx!!", "en"),
        ("ok", "en"),
        ("obsessed with this new roast", "en"),
        ("Спасибі, дуже смачно", "uk"),
        ("Der Kaffee ist wunderbar", "de"),
        ("El mejor café de la ciudad", "es"),
        ("najlepsza kawa w mieście", "pl"),
        ("今日のコーヒーは最高", "ja"),
        ("Где мой order?", "ru"),
        ("🔥🔥 https://x.example", "und"),
    ],
)
def test_language_also_of_short_and_mixed_texts(text: str, language: str) -> None:
    assert understand(text).language == language


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Отличный кофе, спасибо большое", 1),
        ("не плохой кофе", 1),
        ("Без нареканий", 1),
        ("Не могу нарадоваться новым кроссовкам", 1),
        ("❤️❤️", 1),
        ("chef's kiss", 1),
        ("Не понравилось, кислый", -1),
        ("Вкусно, но доставка опоздала на два часа", -1),
        ("Совсем не зашло", -1),
        ("The coffee is not good at all", -1),
        ("Coffee arrived late and the box was crushed", -1),
        ("Ну спасибо, опять привезли не то 👏", -1),
        ("Great, another late delivery 🙄", -1),
        ("больше никогда не закажу", -1),
        ("😡", -1),
        ("сколько стоит?", 0),
        ("Сегодня был дождь", 0),
    ],
)
def test_sentiment_with_negation_contrast_emoji_and_irony(text: str, sign: int) -> None:
    score = understand(text).sentiment.score
    assert (score > 0.1) - (score < -0.1) == sign


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Обожаю эфиопию!", "praise"),
        ("Подскажите, как заваривать воронкой?", "question"),
        ("How long does it stay fresh?", "question"),
        ("Где мой заказ? Жду уже неделю", "complaint"),
        ("My delivery came broken, want a refund", "complaint"),
        ("Где купить эфиопию?", "purchase"),
        ("Do you ship to Germany?", "purchase"),
        ("Было бы здорово, если бы добавили декаф", "idea"),
        ("Please bring back the winter blend", "idea"),
        ("Мой рецепт: 18 г на 36 мл, 25 секунд", "recipe"),
        ("ЗАРАБОТОК без вложений! Пиши в лс t.me/+abc", "spam"),
        ("Сегодня был дождь", "other"),
    ],
)
def test_intent(text: str, intent: str) -> None:
    assert understand(text).intent == intent


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("где купить эфиопию иргачефф?", "1"),
        ("Обожаю Эфиопию!", "1"),
        ("иргачифа бы сейчас", "1"),
        ("yirgacheffee is stunning", "1"),
        ("взял пачку колумбии уилы", "2"),
        ("#колумбияуила на завтрак", "2"),
        ("Полночь это бомба", "3"),
        ("пью ночнушку", "3"),
        ("сколько стоит воронка?", "4"),
    ],
)
def test_products_inflected_mistyped_nicknamed_and_tagged(text: str, product: str) -> None:
    assert [found.product_id for found in understand(text, MATCHER).products] == [product]


@pytest.mark.parametrize("text", ["Отличный кофе", "эспрессо-смесь хорошая", "great coffee", "espresso blend", ""])
def test_what_names_no_single_product_matches_none(text: str) -> None:
    assert understand(text, MATCHER).products == []


@pytest.mark.parametrize("text", ["к@зинo онлайн http://bit.ly/x", "к а з и н о тут t.me/+a", "Кaзинo и ставки"])
def test_spam_seen_through_swapped_and_spaced_letters(text: str) -> None:
    assert understand(text).spam >= 0.7


@pytest.mark.parametrize("text", ["Полный пиздец", "xyйня", "х у й вам", "f u c k you", "sh1t", "бл*дь", "вы идиоты"])
def test_toxicity_seen_through_obfuscation(text: str) -> None:
    assert understand(text).toxicity >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Употребляю хлеб, небо, требую художника, худею, хуже, команда, страхую",
        "Great class, assassin's creed, classic cocktail",
        "Подскажите, сколько стоит доставка в Оскол?",
        "Спасибо! Заказ 12345 пришёл быстро, рекомендую",
    ],
)
def test_innocent_words_are_clean(text: str) -> None:
    found = understand(text)
    assert (found.toxicity, found.spam) == (0, 0)


@given(st.text(max_size=300))
def test_any_text_is_understood_the_same_way_twice(text: str) -> None:
    assert understand(text, MATCHER) == understand(text, MATCHER)


def test_hidden_characters_hide_nothing() -> None:
    assert skeleton("ка\u200bзино") == skeleton("kазинo")
    assert join_spaced("это к а з и н о") == "это казино"
    assert read("Смотри #Утро_Кофе, #утро_кофе https://a.example/#tag").hashtags == ("утро_кофе",)
