"""What the handlers of the side entrance share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.devstore.changes import Refused
from deploy.devstore.sales import Till
from deploy.devstore.world import World

Json = dict[str, Any]
T = TypeVar("T", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


def answered(handler: Handler) -> Handler:
    """Bad bodies are 422 with the fields, refused changes 409 with the sentence."""

    @wraps(handler)
    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except ValidationError as error:
            details = [{"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
            return JSONResponse({"error": "the body is not what it should be", "errors": details}, 422)
        except Refused as error:
            return JSONResponse(
                {"error": str(error), "field": error.field}, 404 if "does not exist" in str(error) else 409
            )

    return wrapped


async def body_of(request: Request, model: type[T]) -> T:
    """The body as a model; an empty body is an empty object."""
    return model.model_validate_json(await request.body() or b"{}")


@dataclass(frozen=True)
class Side:
    """A part of the side entrance over one world."""

    world: World

    def till(self, request: Request) -> Till:
        """The till of the shop in the path; an unknown shop is refused."""
        shop = self.world.shop(request.path_params["shop"])
        if shop is None:
            raise Refused(f"shop {request.path_params['shop']} does not exist")
        return Till(self.world, shop)
