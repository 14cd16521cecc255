"""Connections of every network, and a client that plays a script instead of calling out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import MentionKind
from shared.http import Answer, HttpClient
from shared.networks.base import Connection, OutboundReply

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SETTINGS: dict[NetworkName, dict[str, str]] = {
    "telegram": {},
    "vk": {"group_id": "2001"},
    "instagram": {"account_id": "17841400000000001"},
    "tiktok": {"business_id": "biz-1"},
    "youtube": {"channel_id": "UCown"},
    "inbound": {"reply_url": "https://receiver.example/replies"},
}
SECRETS: dict[NetworkName, dict[str, str]] = {
    "telegram": {"secret": "tg-secret", "bot_token": "7000000001:AAToken"},
    "vk": {"secret": "vk-secret", "confirmation": "c0nf1rm", "access_token": "vk1.a.token"},
    "instagram": {"app_secret": "app-secret", "verify_token": "verify-me", "access_token": "IGtoken"},
    "tiktok": {"client_secret": "tt-secret", "access_token": "act.token"},
    "youtube": {"access_token": "ya29.token"},
    "inbound": {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
}


def connection(network: NetworkName, **changes: str) -> Connection:
    secrets = {**SECRETS[network], **changes}
    return Connection(
        id=f"con_{network}", brand_id="brd_1", network=network, settings=SETTINGS[network], secrets=secrets
    )


def reply(target: str, text: str = "Спасибо, Аня!", kind: MentionKind = "comment", **fields: Any) -> OutboundReply:
    return OutboundReply(id="rpl_1", target=target, kind=kind, text=text, created_at=NOW, **fields)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def answer(status: int, value: Any = None, **headers: str) -> Answer:
    named = CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()})
    return Answer(status, CIMultiDictProxy(named), b"" if value is None else dumped(value))


@dataclass
class Call:
    method: str
    url: str
    options: dict[str, Any]


@dataclass
class Script(HttpClient):
    """Answers what was put in, in that order; exceptions are raised."""

    outcomes: list[Answer | Exception]
    calls: list[Call] = field(default_factory=list)

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        self.calls.append(Call(method, url, options))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def script(*outcomes: Answer | Exception) -> Script:
    return Script(list(outcomes))


HEADERS: Mapping[str, str] = {}
