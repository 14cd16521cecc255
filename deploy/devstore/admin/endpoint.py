"""`POST /admin/api/2026-10/graphql.json`: token, faults, checks, cost, execution, log."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    value_from_ast_untyped,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.devstore.admin import cost, document
from deploy.devstore.admin.context import Context
from deploy.devstore.admin.mutations import mutations
from deploy.devstore.admin.queries import queries
from deploy.devstore.faults import Rule, answer_with, refused_by
from deploy.devstore.oauth import Access, Tokens
from deploy.devstore.shops import Shop, utc
from deploy.devstore.world import API_VERSION, World

Json = dict[str, Any]
BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"
KEEP_CALLS = 20_000


@dataclass
class Call:
    """One call, as it will be logged."""

    shop: Shop
    token: str | None
    query: str = ""
    variables: Json = field(default_factory=dict)
    operation_name: str | None = None
    names: Sequence[str] = ()
    fault: str | None = None


class Rolled(Exception):
    """Undo: the execution met an error."""


class Admin:
    """The Admin API of all shops; buckets live as long as the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = Tokens(world)
        self.buckets: dict[str, cost.Bucket] = {}

    def bucket(self, shop: Shop) -> cost.Bucket:
        """The shop's bucket, with the size that `PUT /_dev/shops/{shop}/throttle` gave it."""
        if shop.domain not in self.buckets:
            self.buckets[shop.domain] = cost.Bucket(**self.world.store.setting(f"throttle/{shop.domain}", {}))
        return self.buckets[shop.domain]

    async def answer(self, shop: Shop, request: Request) -> Response:
        """The answer to one HTTP request."""
        call = Call(shop, request.headers.get("x-shopify-access-token"))
        access = self.tokens.access(call.token)
        if access is None or access.shop != shop.domain:
            return self._done(call, JSONResponse({"errors": BAD_TOKEN}, 401))
        self.tokens.begin_use(str(call.token))
        if not _read(call, request.headers.get("content-type", ""), await request.body()):
            return self._done(call, JSONResponse({"errors": {"query": "Required parameter missing or invalid"}}, 400))
        return await self._checked(call, access)

    async def _checked(self, call: Call, access: Access) -> Response:
        parsed, errors = document.checked(call.query)
        node = document.operation(parsed, call.operation_name) if parsed and not errors else None
        if node is not None:
            call.names = document.root_names(node)
            errors = tuple(document.deprecated_inputs(node, call.variables))
        rule = self.world.faults.pick("admin", call.shop.domain, call.names or ["?"])
        call.fault = rule.kind if rule else None
        if refused := refused_by(rule):
            return self._done(call, refused)
        if parsed is None or node is None or errors:
            listed = list(errors) or [GraphQLError("An operation name is required")]
            return self._done(call, _json({"errors": [_error(e, parsed) for e in listed]}))
        return await answer_with(rule, self._costed(call, access, parsed, node, rule))

    def _costed(
        self, call: Call, access: Access, parsed: DocumentNode, node: OperationDefinitionNode, rule: Rule | None
    ) -> Response:
        bucket, counter = self.bucket(call.shop), cost.Counter(parsed, call.variables)
        requested = counter.requested(node)
        if requested > cost.MAX_QUERY:
            message = f"Query cost is {requested}, which exceeds the single query max cost limit ({cost.MAX_QUERY})."
            detail = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": cost.MAX_QUERY}
            return self._done(call, _json({"errors": [{"message": message, "extensions": detail}]}))
        if rule and rule.kind == "throttle":
            bucket.drain()
        if not bucket.take(requested):
            return self._done(call, _throttled(requested, bucket))
        result = self._executed(Context(self.world, call.shop, access.scopes), call, parsed, node)
        actual = min(requested, counter.actual(node, result.data))
        bucket.give_back(requested - actual)
        return self._done(call, _json(_body(result, parsed, cost.extension(requested, actual, bucket))))

    def _executed(
        self, ctx: Context, call: Call, parsed: DocumentNode, node: OperationDefinitionNode
    ) -> ExecutionResult:
        key = _idempotency_key(node, call.variables)
        with _transaction(ctx, node) as undo:
            known = _replayed(ctx, key, call) if key else None
            result = known or _execute(ctx, call, parsed, node)
            if result.errors:
                undo()
            elif key and known is None:
                ctx.store.set_setting(_key_name(ctx, key), {"of": _digest(call), "data": result.data})
        return result

    def _done(self, call: Call, response: Response) -> Response:
        """Log the call; every answer says its version and request id."""
        response.headers["X-Request-Id"] = str(uuid4())
        response.headers["X-Shopify-API-Version"] = API_VERSION
        body = json.loads(bytes(response.body)) if response.body else {}
        row = (
            utc(self.world.now(call.shop)), call.shop.domain, call.token, self.tokens.shop_of(call.token),
            " ".join(call.names), call.query, json.dumps(call.variables, ensure_ascii=False), response.status_code,
            json.dumps(body.get("extensions", {}).get("cost")), json.dumps(body.get("errors"), ensure_ascii=False),
            call.fault,
        )  # fmt: skip
        db = self.world.store.db
        db.execute(
            "INSERT INTO calls(at, shop, token, token_shop, operation, query, variables, status, cost, errors, fault) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)  # fmt: skip
        db.execute("DELETE FROM calls WHERE id <= (SELECT max(id) FROM calls) - ?", (KEEP_CALLS,))
        return response


def _read(call: Call, content_type: str, raw: bytes) -> bool:
    """Fill in the call from a JSON body (or `application/graphql`); False when there is no query in it."""
    body: Any
    try:
        body = {"query": raw.decode()} if "application/graphql" in content_type else json.loads(raw)
        call.query, call.variables = body["query"], body.get("variables") or {}
        call.operation_name = body.get("operationName")
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return isinstance(call.query, str) and bool(call.query.strip()) and isinstance(call.variables, dict)


@contextmanager
def _transaction(ctx: Context, node: OperationDefinitionNode) -> Iterator[Any]:
    """One transaction around the execution; calling what it yields undoes everything at the end."""
    wanted: list[bool] = []
    try:
        with ctx.store.transaction():
            yield lambda: wanted.append(True)
            if wanted:
                raise Rolled
    except Rolled:
        pass


def _execute(ctx: Context, call: Call, parsed: DocumentNode, node: OperationDefinitionNode) -> ExecutionResult:
    root = queries(ctx) if node.operation is OperationType.QUERY else mutations(ctx)
    return execute_sync(
        document.schema(),
        parsed,
        root,
        ctx,
        call.variables,
        call.operation_name,
        field_resolver=resolve,
        type_resolver=type_of,
    )


def resolve(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
    """A field's value; what the dev store does not simulate is an error, never a null that looks like an answer."""
    if info.field_name not in source:
        raise GraphQLError(
            f"The dev store does not simulate {info.parent_type.name}.{info.field_name}",
            extensions={"code": "NOT_SIMULATED"},
        )
    value = source[info.field_name]
    return value(**args) if callable(value) else value


def type_of(value: Any, info: GraphQLResolveInfo[Any], abstract: GraphQLAbstractType) -> str:
    return str(value["__typename"])


def _idempotency_key(node: OperationDefinitionNode, variables: Json) -> str | None:
    for selection in node.selection_set.selections:
        for directive in selection.directives or ():
            if isinstance(selection, FieldNode) and directive.name.value == "idempotent":
                arguments = directive.arguments or ()
                return str(value_from_ast_untyped(arguments[0].value, variables))
    return None


def _key_name(ctx: Context, key: str) -> str:
    return f"idempotent/{ctx.shop.domain}/{key}"


def _digest(call: Call) -> str:
    return hashlib.sha256(json.dumps([call.query, call.variables], sort_keys=True).encode()).hexdigest()


def _replayed(ctx: Context, key: str, call: Call) -> ExecutionResult | None:
    """The first answer to this key; another request with it is refused."""
    known = ctx.store.setting(_key_name(ctx, key))
    if known is None:
        return None
    if known["of"] != _digest(call):
        error = GraphQLError(
            "The idempotency key was used with other parameters",
            extensions={"code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"},
        )
        return ExecutionResult(None, [error])
    return ExecutionResult(known["data"], None)


def _throttled(requested: int, bucket: cost.Bucket) -> Response:
    detail = {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"}
    return _json(
        {
            "errors": [{"message": "Throttled", "extensions": detail}],
            "extensions": cost.extension(requested, None, bucket),
        }
    )


def _body(result: ExecutionResult, parsed: DocumentNode, extensions: Json) -> Json:
    body: Json = {"data": result.data, "extensions": extensions}
    return body if not result.errors else {"errors": [_error(e, parsed) for e in result.errors], **body}


def _error(error: GraphQLError, parsed: DocumentNode | None) -> Json:
    """An error as Shopify writes it; what is wrong with the document has a code."""
    shown: Json = dict(error.formatted)
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        shown["extensions"] = {"code": "INTERNAL_SERVER_ERROR", "detail": repr(error.original_error)}
    elif "extensions" not in shown:
        shown["extensions"] = {"code": "undefinedField" if "Cannot query field" in error.message else "BAD_USER_INPUT"}
    return shown


def _json(body: Json) -> Response:
    return JSONResponse(body)
