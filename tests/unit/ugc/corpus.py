"""A varied stream of mentions, RU and EN, made from parts; the same numbers give the same texts."""

import random
from collections.abc import Iterator

NAMES = [
    "Анна",
    "Иван",
    "Мария",
    "Олег",
    "Kate",
    "Bob",
    "Tom",
    "Lena",
    "Дарья",
    "Пётр",
    "Sofia",
    "coffee_fan_7",
    "Ира",
    "Liam",
    "Noah",
    "Юля",
]
RU = {
    "praise": [
        "Обожаю ваш кофе",
        "Ваша Эфиопия просто бомба",
        "Взяла эфиопию, очень довольна",
        "Лучший кофе в городе",
        "Очень вкусно",
        "Спасибо, всё понравилось",
        "Просто огонь",
        "Не могу нарадоваться",
    ],
    "tail": [
        "аромат нереальный",
        "доставка быстрая",
        "утро удалось",
        "муж доволен",
        "упаковка красивая",
        "взяла в подарок маме",
        "друзья в восторге",
        "беру уже третий раз",
        "пенка идеальная",
        "после пробежки самое то",
        "",
    ],
    "other": [
        "Когда обжариваете зерно?",
        "Сколько идёт доставка?",
        "А с овсяным молоком можно?",
        "Какой помол взять для турки?",
        "Заказ опоздал на три часа",
        "Пачка порвана, зёрна рассыпались",
        "Было бы здорово, если бы добавили декаф",
        "Сделайте, пожалуйста, маленькие пачки",
        "Мой рецепт: 18 г на 36 мл, 25 секунд",
        "Завариваю в воронке 93 градуса",
        "Сегодня дождь и кофе",
        "Зашли к вам в субботу",
        "Где можно купить эфиопию?",
    ],
}
EN = {
    "praise": [
        "Love your coffee",
        "Your Ethiopia is a dream",
        "Tried the Yirgacheffe, so good",
        "Best coffee in town",
        "So tasty",
        "Thank you, we loved it",
        "Absolutely delicious",
        "Great stuff",
    ],
    "tail": [
        "the aroma is unreal",
        "delivery was quick",
        "made my morning",
        "my husband is happy",
        "pretty packaging",
        "bought it as a gift",
        "friends were impressed",
        "third order already",
        "perfect milk foam",
        "great after a run",
        "",
    ],
    "other": [
        "When do you roast?",
        "How long does delivery take?",
        "Does it work with oat milk?",
        "Which grind for a moka pot?",
        "My order is three hours late",
        "The bag came torn",
        "Would be great if you added a decaf",
        "Please make smaller bags",
        "My recipe: 18 g in, 36 g out, 25 seconds",
        "I brew it at 93 degrees",
        "Rain and coffee today",
        "We visited on Saturday",
        "Where can I buy the Ethiopia?",
    ],
}


def corpus(count: int) -> Iterator[tuple[str, str]]:
    """`count` pairs of an author's name and a text; about 500 people, some of whom come back."""
    dice = random.Random(7)
    for number in range(count):
        parts = dice.choice([RU, EN])
        name = f"{dice.choice(NAMES)} {number % 500}" if number % 3 else dice.choice(NAMES)
        if dice.random() < 0.55:
            tail = dice.choice(parts["tail"])
            yield (
                name,
                dice.choice(parts["praise"])
                + (f", {tail}" if tail else "")
                + dice.choice(["", "!", "!!", " 😍", " ❤️"]),
            )
        else:
            yield name, dice.choice(parts["other"])
