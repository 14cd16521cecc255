"""What the demo's people say. `{product}` is a title in the line's language, `{link}` the ambassador's link."""

from dataclasses import dataclass, field

EN = {
    "praise": [
        "The {product} from Zerno is my whole morning right now ☕️",
        "Third bag of {product} this month, still smiling at the first sip.",
        "Took {product} on a hike. Best cup at 1,900 m, hands down!",
        "My mother, who hates coffee, asked for a second cup of {product}. Well done @zerno",
    ],
    "question": [
        "How coarse should I grind {product} for a French press?",
        "Does {product} work with milk or is it too light?",
        "Is the {product} bag recyclable?",
        "When do you roast? I want {product} as fresh as it gets.",
    ],
    "complaint": [
        "My {product} arrived with a torn bag, beans all over the box. Not happy.",
        "Ordered {product} nine days ago and still nothing. What is going on?",
    ],
    "recipe": [
        "15 g of {product}, 250 ml at 93 °C, 2:45 on the V60. You're welcome.",
        "Cold brew with {product} and a strip of orange peel. Try it!",
    ],
    "idea": ["Dear Zerno, please make {product} in 100 g bags for travelling."],
    "ambassador": ["If you want to try {product}: my link {link} or code {code} gives 10 % off 💛"],
}

RU = {
    "praise": [
        "{product} от Zerno — лучшее, что случалось с моим утром ☕️",
        "Уже третья пачка «{product}» за месяц, и всё ещё улыбаюсь с первого глотка.",
        "Взяли {product} в поход. Чашка на 1900 метрах — восторг!",
        "Мама не любит кофе, а {product} попросила повторить. Спасибо, @zerno",
    ],
    "question": [
        "Какой помол нужен для френч-пресса, если это {product}?",
        "{product} пойдёт с молоком или слишком светлая обжарка?",
        "Пакет от {product} можно сдать в переработку?",
        "Когда у вас обжарка? Хочу самый свежий {product}.",
    ],
    "complaint": [
        "{product} приехал в рваном пакете, зёрна по всей коробке. Очень расстроена.",
        "Заказала {product} девять дней назад, и тишина. Что происходит?",
    ],
    "recipe": [
        "15 г {product}, 250 мл воды 93 °C, 2:45 в воронке V60. Пользуйтесь.",
        "Колд-брю на {product} с цедрой апельсина — попробуйте!",
    ],
    "idea": ["Zerno, сделайте {product} в пачках по 100 г для поездок, пожалуйста."],
    "ambassador": ["Хотите попробовать {product}? Моя ссылка {link}, по коду {code} скидка 10 % 💛"],
}

LINES = {"en": EN, "ru": RU}
WEIGHTS = {"praise": 40, "question": 25, "recipe": 12, "complaint": 8, "idea": 5, "ambassador": 10}


@dataclass(frozen=True)
class Someone:
    """A person of the demo, with the language they write in and the networks they use."""

    handle: str
    name: str
    language: str
    networks: tuple[str, ...]
    followers: int = 200
    email: str = field(default="")


PEOPLE = [
    Someone("mila.reads", "Mila", "en", ("instagram", "tiktok"), 1800),
    Someone("jonas_w", "Jonas", "en", ("telegram", "instagram"), 340),
    Someone("kofe_i_kot", "Света", "ru", ("vk", "telegram"), 620),
    Someone("dima.brew", "Дима", "ru", ("telegram", "vk"), 95),
    Someone("lucia.f", "Lucia", "en", ("instagram", "youtube"), 5200),
    Someone("tanya_utro", "Таня", "ru", ("vk", "instagram"), 150),
    Someone("sam_on_wheels", "Sam", "en", ("tiktok", "youtube", "inbound"), 12400),
    Someone("oleg.press", "Олег", "ru", ("telegram", "tiktok"), 80),
]
AMBASSADOR = Someone("anna_brews", "Анна Орлова", "ru", ("telegram", "instagram"), 3100)
