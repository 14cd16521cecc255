"""Webhooks leave here: in order while all goes well, repeated until they are taken, with the faults asked for."""

import asyncio
import contextlib
import time

import aiohttp

from deploy.devnet.faults import Mischief
from deploy.devnet.models import Delivery, DevConnection
from deploy.devnet.store import Store
from deploy.devnet.webhooks import Webhook, webhook

ATTEMPTS = 40
LONGEST_WAIT = 60.0
TIMEOUT = aiohttp.ClientTimeout(total=10, connect=2)
IDLE = 0.05


class Deliverer:
    """One loop for all connections: one request at a time per connection, connections side by side."""

    def __init__(self, store: Store, mischief: Mischief) -> None:
        self._store, self._mischief = store, mischief
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._held: set[int] = set()

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            try:
                while True:
                    self._start_due(session)
                    await asyncio.sleep(IDLE)
            finally:
                for task in self._busy.values():
                    task.cancel()
                await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _start_due(self, session: aiohttp.ClientSession) -> None:
        self._busy = {name: task for name, task in self._busy.items() if not task.done()}
        waiting: dict[str, list[Delivery]] = {}
        for delivery in self._store.due(time.time()):
            waiting.setdefault(delivery.connection, []).append(delivery)
        for name, deliveries in waiting.items():
            if name not in self._busy:
                self._busy[name] = asyncio.create_task(self._send_all(session, name, deliveries))

    async def _send_all(self, session: aiohttp.ClientSession, name: str, deliveries: list[Delivery]) -> None:
        connection = self._store.connection(name)
        for delivery in deliveries:
            if connection is None or connection.webhook_url is None:
                self._store.settle(delivery.id, "failed", "no webhook URL")
            elif await self._mischief_allows(delivery, connection):
                await self._send(session, connection, connection.webhook_url, delivery)

    async def _mischief_allows(self, delivery: Delivery, connection: DevConnection) -> bool:
        """Whether to send now. A webhook is held back at most once, so that all arrive in the end."""
        if delivery.id in self._held or delivery.attempts or "copy" in delivery.event:
            return True
        fault = self._mischief.strikes("webhooks", connection.network)
        if fault is None:
            return True
        self._held.add(delivery.id)
        if fault.kind == "duplicate":
            self._store.enqueue(connection.id, {**delivery.event, "copy": True}, time.time())
            return True
        # `delay` and `reorder`: later ones overtake it.
        self._store.settle(delivery.id, "waiting", fault.kind, time.time() + fault.seconds)
        return False

    async def _send(self, session: aiohttp.ClientSession, connection: DevConnection, url: str, one: Delivery) -> None:
        request = webhook(connection, one.event)
        if request is None:
            self._store.settle(one.id, "done", "this network sends nothing for it")
            return
        good, answer = await _post(session, url, request)
        if good:
            self._held.discard(one.id)
            self._store.settle(one.id, "done", answer)
        elif one.attempts + 1 >= ATTEMPTS:
            self._store.settle(one.id, "failed", answer)
        else:
            self._store.settle(one.id, "waiting", answer, time.time() + min(0.5 * 2**one.attempts, LONGEST_WAIT))


async def _post(session: aiohttp.ClientSession, url: str, request: Webhook) -> tuple[bool, str]:
    try:
        async with session.post(url, data=request.body, headers=request.headers, allow_redirects=False) as response:
            body = await response.content.read(1000)
            text = body.decode("utf-8", "replace")
            return request.accepted(response.status, body), f"{response.status} {text}"
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return False, type(error).__name__


async def handshake(connection: DevConnection) -> tuple[bool, str]:
    """What VK and Meta do when a webhook URL is set: ask it to prove that it knows us."""
    url = connection.webhook_url or ""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
            if connection.network == "vk":
                group = int(connection.settings.get("group_id", "0"))
                body = {"type": "confirmation", "group_id": group, "secret": connection.secrets.get("secret", "")}
                async with session.post(url, json=body) as response:
                    said = await response.text()
                return said == connection.secrets.get("confirmation"), said[:200]
            if connection.network == "instagram":
                token = connection.secrets.get("verify_token", "")
                query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": str(connection.number)}
                async with session.get(url, params=query) as response:
                    said = await response.text()
                return said == str(connection.number), said[:200]
            return True, "this network asks nothing"
    return False, "no answer"
