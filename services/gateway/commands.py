"""From a request to a decided command and back: ids, idempotency keys, 202s, problems."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from aiokafka.errors import KafkaError
from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from pymongo.errors import PyMongoError

from services.gateway.auth import Principal
from services.gateway.gateway import Gateway, Gw
from services.gateway.repository import KnownRequest
from shared import problems
from shared.contracts.base import Command
from shared.errors import Reply
from shared.ids import derived_id, new_id
from shared.problems import ProblemError
from shared.topics import Service

_IN_FLIGHT = timedelta(seconds=10)
Shape = Callable[[dict[str, Any]], dict[str, Any]]
Learn = Callable[[dict[str, Any]], None]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description=(
            "Any text of your choosing, one per wish. The same key with the same request has its effect once "
            "and gets the first answer."
        ),
        examples=["approve-men_k3v6-1"],
    ),
]


class Pending(BaseModel):
    """A command that was taken on and is not decided yet."""

    id: str = Field(examples=["cmd_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    status: str = Field("pending", examples=["pending"])


class Writer:
    """Executes the command of one request. `command_id` is known beforehand, so that new ids can follow from it."""

    def __init__(self, gateway: Gateway, request: Request, key: str | None) -> None:
        self._gateway, self._request, self._key = gateway, request, key
        self._fresh = new_id("cmd")

    def command_id(self, who: Principal) -> str:
        """The same for every repetition under one Idempotency-Key of one principal."""
        return derived_id("cmd", who.scope, self._key) if self._key else self._fresh

    def new_id(self, prefix: str, who: Principal) -> str:
        """The id of what the request creates; the same for a repetition."""
        return derived_id(prefix, self.command_id(who)) if self._key else new_id(prefix)

    async def __call__(
        self, who: Principal, command: Command, *, shape: Shape = lambda body: body, learn: Learn = lambda _: None
    ) -> Response:
        """The command's outcome as a response: the real one, 202 when it isn't known in time, or a problem.

        `learn` is told what a new success says, since the events about it may still be under way.
        """
        command_id, fingerprint = self.command_id(who), await self._fingerprint()
        known = KnownRequest(command_id, command.brand_id, who.actor, _service(command), fingerprint, datetime.now(UTC))
        if self._key and (answer := await self._earlier(known)):
            return respond(answer, command_id, shape, replayed=True)
        reply = await self._execute(command, known)
        if reply is None:
            await self._gateway.requests.note(known)
            return accepted(command_id)
        if reply.status < 300:
            learn(reply.body)
        return respond(reply, command_id, shape)

    async def _fingerprint(self) -> str:
        body = await self._request.body()
        with suppress(ValueError):
            body = json.dumps(json.loads(body), sort_keys=True).encode() if body else b""
        url = self._request.url
        return hashlib.sha256(
            b"\n".join([self._request.method.encode(), url.path.encode(), url.query.encode(), body])
        ).hexdigest()

    async def _earlier(self, request: KnownRequest) -> Reply | None:
        """The first answer under this key; None when this is the first request. Raises 409 and 422."""
        try:
            earlier = await self._gateway.requests.begin(request)
            if earlier is None:
                return None
            if earlier.fingerprint != request.fingerprint:
                raise ProblemError("idempotency-key-reused")
            answer = await answer_of(self._gateway, Service(earlier.service), earlier.id)
            if answer or await self._may_repeat(earlier):
                return answer
        except PyMongoError as error:
            raise ProblemError("unavailable", "It can't be checked now whether this was asked before.") from error
        raise ProblemError("in-flight", headers={"Retry-After": "1"})

    async def _may_repeat(self, earlier: KnownRequest) -> bool:
        """The first try may have died before it was sent: after a while it is sent again, under the same id."""
        return datetime.now(UTC) - earlier.at > _IN_FLIGHT and await self._gateway.requests.take_over(earlier)

    async def _execute(self, command: Command, known: KnownRequest) -> Reply | None:
        correlation_id = self._request.state.request_id
        try:
            return await send(
                self._gateway,
                command,
                actor=known.actor,
                command_id=known.id,
                fingerprint=known.fingerprint,
                correlation_id=correlation_id,
            )
        except ProblemError:
            if self._key:
                await self._forget(known.id)
            raise

    async def _forget(self, id: str) -> None:
        try:
            await self._gateway.requests.forget(id)
        except PyMongoError:
            return  # then the key is in flight for ten seconds


async def send(
    gateway: Gateway,
    command: Command,
    *,
    actor: str,
    command_id: str,
    correlation_id: str,
    fingerprint: str | None = None,
) -> Reply | None:
    """The command's outcome, or None when it isn't known in time. Raises `ProblemError` (503)."""
    try:
        return await gateway.bus.execute(
            command, actor=actor, command_id=command_id, fingerprint=fingerprint, correlation_id=correlation_id
        )
    except (KafkaError, OSError, TimeoutError) as error:
        detail = "The log does not take commands now; repeating under the same Idempotency-Key is safe."
        raise ProblemError("unavailable", detail) from error


def _writer(gateway: Gw, request: Request, key: IdempotencyKey = None) -> Writer:
    return Writer(gateway, request, key)


Write = Annotated[Writer, Depends(_writer)]


def _service(command: Command) -> str:
    return command.topic.value.removeprefix("commands.")


def respond(reply: Reply, command_id: str, shape: Shape = lambda body: body, *, replayed: bool = False) -> Response:
    """A reply as a response: 2xx with its body, a refusal as a problem."""
    headers = {"X-Command-Id": command_id} | ({"Idempotency-Replayed": "true"} if replayed else {})
    if reply.status >= 400:
        return problems.respond(problems.of_reply(reply), headers)
    if reply.status == 204:
        return Response(status_code=204, headers=headers)
    return JSONResponse(shape(reply.body), reply.status, headers)


def accepted(command_id: str) -> Response:
    """202: taken on; the outcome will be at `Location`."""
    headers = {"Location": f"/v1/commands/{command_id}", "X-Command-Id": command_id, "Retry-After": "1"}
    return JSONResponse(Pending(id=command_id, status="pending").model_dump(), 202, headers)


async def answer_of(gateway: Gateway, service: Service, command_id: str) -> Reply | None:
    """The answer a service gave to a command, or None while there is none."""
    raw = await gateway.databases.of(service).find_one("seen", {"_id": command_id})
    return Reply(status=raw["status"], body=raw["body"]) if raw and "status" in raw else None
