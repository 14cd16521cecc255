"""What the demo's brands are and say. Nothing here is read by the services."""

from typing import Any

SHOP = "vouch-demo.myshopify.com"
OTHER_SHOP = "other-brand.myshopify.com"

VOICE: dict[str, Any] = {
    "persona": "The people who roast: curious, warm, exact about coffee, never pushy.",
    "tone": ["friendly", "concrete", "a little playful"],
    "do": ["refer to what the person brewed or asked", "give one useful tip", "say thank you for photos"],
    "dont": ["use superlatives", "promise discounts", "talk about other roasters"],
    "emoji": "few",
    "languages": ["ru", "en"],
    "signature": None,
    "banned_words": ["cheap", "дешёвый"],
    "allowed_links": [],
    "facts": [
        {
            "id": "roast-day",
            "text": {
                "ru": "Обжариваем по вторникам и отправляем на следующий день.",
                "en": "We roast on Tuesdays and ship the day after.",
            },
        },
        {
            "id": "rest",
            "text": {
                "ru": "Зёрна раскрываются через 7–10 дней после обжарки.",
                "en": "Beans open up 7 to 10 days after roasting.",
            },
        },
        {
            "id": "ratio",
            "text": {
                "ru": "Для воронки берите 15 г кофе на 250 мл воды, 93 °C.",
                "en": "For pour-over take 15 g of coffee to 250 ml of water at 93 °C.",
            },
        },
        {
            "id": "cold-brew",
            "text": {
                "ru": "Колд-брю настаивайте 14 часов в холодильнике.",
                "en": "Let cold brew steep for 14 hours in the fridge.",
            },
        },
        {
            "id": "bags",
            "text": {
                "ru": "Пакеты можно сдать в переработку как PE-LD.",
                "en": "Our bags can be recycled as PE-LD.",
            },
        },
    ],
    "policy": {"auto_send": False},
}

PROGRAM: dict[str, Any] = {
    "name": "Friends of the roastery",
    "terms": {
        "commission": {"kind": "percent", "value": "10", "tiers": {"gold": "12"}},
        "window_days": 30,
        "hold_days": 30,
        "customer_discount_percent": "10",
        "tiers": [
            {"name": "bronze", "threshold": "0"},
            {"name": "silver", "threshold": "500", "perks": ["early access"]},
            {"name": "gold", "threshold": "2000", "perks": ["early access", "new coffees before anyone else"]},
        ],
    },
}

AMBASSADOR: dict[str, Any] = {
    "name": "Анна Орлова",
    "email": "anna.orlova@example.com",
    "language": "ru",
    "code": "ANNA10",
    "accounts": [
        {"network": "telegram", "handle": "anna_brews"},
        {"network": "instagram", "handle": "anna.brews"},
    ],
}

CAMPAIGNS: list[dict[str, Any]] = [
    {
        "name": "Welcome, friend of a friend",
        "title": {"ru": "Скидка 10 % на следующий заказ", "en": "10 % off your next order"},
        "trigger": "order_attributed",
        "recipient": "buyer",
        "reward": {"kind": "percent", "value": "10", "valid_days": 60},
        "caps": {"per_person": None},
    },
    {
        "name": "Thank you for telling others",
        "title": {"ru": "Скидка 15 % за добрые слова", "en": "15 % off for your kind words"},
        "trigger": "mention_approved",
        "recipient": "author",
        "reward": {"kind": "percent", "value": "15", "valid_days": 30},
        "bearer_codes": True,
        "caps": {"per_person": None},
    },
]
