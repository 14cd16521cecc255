"""The demo brand's accounts on the networks: secrets as each network knows them, and their twins in the dev network."""

import base64
import secrets
from typing import Any

from deploy.demo.api import Api, Refusal
from deploy.demo.memory import Memory

NETWORKS = ("telegram", "vk", "instagram", "tiktok", "youtube", "inbound")


def invent(network: str, devnet_url: str) -> dict[str, dict[str, str]]:
    """Settings and secrets for a connection, as the network's own console would hand them out."""
    token = secrets.token_hex(16)
    made: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "telegram": ({}, {"secret": token, "bot_token": f"7{secrets.randbelow(10**9):09d}:{token}"}),
        "vk": (
            {"group_id": "229871035"},
            {"secret": token, "confirmation": secrets.token_hex(4), "access_token": f"vk1.a.{token}"},
        ),
        "instagram": (
            {"account_id": "17841405309211844"},
            {"app_secret": token, "verify_token": secrets.token_hex(8), "access_token": f"IG{token}"},
        ),
        "tiktok": ({"business_id": "7210384756201938474"}, {"client_secret": token, "access_token": f"act.{token}"}),
        "youtube": ({"channel_id": f"UC{secrets.token_hex(11)}"}, {"access_token": f"ya29.{token}"}),
        "inbound": (
            {"reply_url": f"{devnet_url}/inbound"},
            {"secret": standard_secret(), "reply_secret": standard_secret()},
        ),
    }
    settings, hidden = made[network]
    return {"settings": settings, "secrets": hidden}


def standard_secret() -> str:
    """As Standard Webhooks writes it: whsec_ and base64 of 24 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


async def connect(admin: Api, memory: Memory, network: str, devnet_url: str) -> dict[str, Any]:
    """`{id, webhook_url, settings, secrets}` of the brand's connection; made anew when the dev network has moved."""
    name = f"connection:{network}"
    known = memory.get(name)
    if known and known["devnet_url"] == devnet_url:
        return dict(known)
    if known:
        await _disconnect(admin, known["id"])
        memory.drop(name)
    for left in await _left_over(admin, f"demo {network}"):
        await _disconnect(admin, left)
    wish = memory.draft(f"draft:{network}:{devnet_url}", lambda: invent(network, devnet_url))
    body = {"network": network, "name": f"demo {network}", **wish}
    made = await admin.post("/v1/admin/connections", body, key=f"demo-connection-{network}-{devnet_url}")
    webhook_url = made.get("webhook_url") or f"/webhooks/{network}/{made['id']}"
    memory.keep(name, {"id": made["id"], "webhook_url": webhook_url, "devnet_url": devnet_url, **wish})
    return dict(memory.get(name))


async def _left_over(admin: Api, name: str) -> list[str]:
    """Connections of a run whose memory is lost: their secrets can't be had again."""
    found = (await admin.get("/v1/admin/connections?limit=200"))["data"]
    return [connection["id"] for connection in found if connection["name"] == name]


async def _disconnect(admin: Api, connection_id: str) -> None:
    try:
        await admin.delete(f"/v1/admin/connections/{connection_id}")
    except Refusal as refusal:
        if refusal.status != 404:
            raise


async def register(devnet: Api, gateway_url: str, brand: str, connections: dict[str, dict[str, Any]]) -> None:
    """Tell the dev network about the accounts, so that it can send their webhooks and check the calls."""
    await devnet.put(
        "/_dev/connections",
        [
            {
                "id": connection["id"],
                "network": network,
                "brand": brand,
                "webhook_url": f"{gateway_url}/webhooks/{network}/{connection['id']}" if network != "youtube" else None,
                "settings": connection["settings"],
                "secrets": connection["secrets"],
            }
            for network, connection in connections.items()
        ],
    )


def told(connections: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The connections as vouch.json has them: what a sender of webhooks needs, no access tokens."""
    wanted = {
        "telegram": ("secret",),
        "vk": ("secret", "confirmation", "group_id"),
        "instagram": ("account_id", "app_secret", "verify_token"),
        "tiktok": ("client_secret",),
        "youtube": (),
        "inbound": ("secret",),
    }
    return {network: _told(connection, wanted[network]) for network, connection in connections.items()}


def _told(connection: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    facts = connection["settings"] | connection["secrets"]
    return {"id": connection["id"], **{name: facts[name] for name in names}}
