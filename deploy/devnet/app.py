"""The dev network's server: the networks' calls, and `/_dev` to play the world's part."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import TypeAdapter, ValidationError

from deploy.devnet.apis import inbound, instagram, telegram, tiktok, vk, youtube
from deploy.devnet.delivery import Deliverer, handshake
from deploy.devnet.faults import Mischief, Window
from deploy.devnet.models import DeleteForm, DevConnection, EditForm, Faults, Post, PostForm
from deploy.devnet.store import Store
from deploy.devnet.world import Impossible, World
from shared.contracts.gateway import NetworkName

PAGE = Path(__file__).parent / "page.html"
CSP = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'"
)
_CONNECTIONS = TypeAdapter(list[DevConnection])
Limit = Annotated[int, Query(ge=1, le=1000)]


def build_app(store: Store, *, deliver: bool = True) -> FastAPI:
    """`deliver=False` leaves webhooks in the queue (tests look at them there)."""
    mischief = Mischief(store)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(Deliverer(store, mischief).run()) if deliver else None
        yield
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        store.close()

    app = FastAPI(title="Vouch dev network", lifespan=lifespan, docs_url="/_dev/docs", openapi_url="/_dev/openapi.json")
    app.state.world = World(store, mischief, Window())
    for network in (telegram, vk, instagram, tiktok, youtube, inbound):
        app.router.routes.extend(network.routes)
    app.include_router(_dev(store))
    app.add_exception_handler(Impossible, _impossible)
    return app


async def _impossible(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


def _dev(store: Store) -> APIRouter:
    router = APIRouter()

    def world(request: Request) -> World:
        found: World = request.app.state.world
        return found

    @router.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(PAGE.read_text(), headers={"Content-Security-Policy": CSP})

    @router.put("/_dev/connections")
    async def put_connections(request: Request) -> dict[str, list[str]]:
        """One connection or a list; those with a known id are replaced."""
        body = await request.json()
        try:
            connections = _CONNECTIONS.validate_python(body if isinstance(body, list) else [body])
        except ValidationError as error:
            raise HTTPException(
                422, error.errors(include_url=False, include_input=False, include_context=False)
            ) from None
        for connection in connections:
            store.put_connection(connection)
        return {"registered": [connection.id for connection in connections]}

    @router.get("/_dev/connections")
    def connections() -> dict[str, list[dict[str, Any]]]:
        return {"connections": [one.model_dump(exclude={"secrets"}) for one in store.connections()]}

    @router.post("/_dev/connections/{connection_id}/handshake")
    async def shake_hands(connection_id: str) -> dict[str, Any]:
        """Asks the webhook URL to prove itself, as VK and Meta do."""
        connection = store.connection(connection_id)
        if connection is None:
            raise HTTPException(404, "There is no such connection.")
        good, said = await handshake(connection)
        return {"ok": good, "answer": said}

    @router.post("/_dev/post", status_code=201)
    def say(form: PostForm, request: Request) -> Post:
        return world(request).say(form)

    @router.post("/_dev/edit")
    def edit(form: EditForm, request: Request) -> Post:
        return world(request).edit(form)

    @router.post("/_dev/delete")
    def delete(form: DeleteForm, request: Request) -> Post:
        return world(request).delete(form)

    @router.get("/_dev/threads")
    def threads(
        network: NetworkName | None = None, connection: str | None = None, limit: Limit = 50
    ) -> dict[str, list[dict[str, Any]]]:
        """Threads, newest first: what was said, and below it the replies in their order."""
        return {"threads": [_thread(store, root) for root in store.roots(network, connection, limit)]}

    @router.get("/_dev/faults")
    def faults() -> Faults:
        return Faults(faults=[fault for _, fault in store.faults()])

    @router.put("/_dev/faults")
    def put_faults(faults: Faults) -> Faults:
        store.put_faults(faults.faults)
        return faults

    @router.get("/_dev/deliveries")
    def deliveries(limit: Limit = 100) -> dict[str, Any]:
        """Webhooks, newest first, with the last answer; `waiting` is how many have not been taken yet."""
        return {"waiting": store.waiting(), "deliveries": store.deliveries(limit)}

    @router.get("/_dev/calls")
    def calls(network: str | None = None, limit: Limit = 100) -> dict[str, list[dict[str, Any]]]:
        return {"calls": store.calls(network, limit)}

    return router


def _thread(store: Store, root: Post) -> dict[str, Any]:
    replies = [post.model_dump(mode="json") for post in store.replies(root.connection, root.id)]
    return {
        "network": root.network,
        "connection": root.connection,
        "id": root.id,
        "post": root.model_dump(mode="json"),
        "replies": replies,
    }
