"""Query cost and the leaky bucket, by Shopify's rules.

Scalars cost nothing, an object 1, a mutation 10 (or what it selects, if that is more), a connection 2 plus one item
times a factor "sized by first and last". Shopify does not publish the factor; 11 was seen for 250 items, which is
`floor(2 ln n)`, so that is used here. Requested cost is taken from the document, actual cost from the answer.
A bucket per shop refills with `restore` points a second. https://shopify.dev/docs/api/usage/limits
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)

from deploy.devstore.admin.document import schema

MUTATION = 10
CONNECTION = 2
MAX_QUERY = 1000


def factor(size: int) -> int:
    """How many items' worth a page of `size` costs."""
    return min(size, max(1, math.floor(2 * math.log(size)))) if size > 0 else 0


def sized(costs: Sequence[int]) -> int:
    """A page of items of these costs: the factor times their mean, rounded up."""
    return math.ceil(factor(len(costs)) * sum(costs) / len(costs)) if costs else 0


@dataclass(frozen=True)
class Counter:
    """Counts one operation."""

    document: DocumentNode
    variables: dict[str, Any]

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        return {d.name.value: d for d in self.document.definitions if isinstance(d, FragmentDefinitionNode)}

    def requested(self, node: OperationDefinitionNode) -> int:
        return self._operation(node, None, known=False)

    def actual(self, node: OperationDefinitionNode, data: Any) -> int:
        return self._operation(node, data, known=True)

    def _operation(self, node: OperationDefinitionNode, data: Any, *, known: bool) -> int:
        root = schema().get_root_type(node.operation)
        assert root is not None
        mutation = root is schema().mutation_type
        return self._selections(node.selection_set, root, data, known, mutation)

    def _selections(
        self, node: SelectionSetNode | None, parent: GraphQLNamedType, data: Any, known: bool, mutation: bool = False
    ) -> int:
        """The cost below an object; of alternatives (fragments on an abstract type) the dearest."""
        if node is None:
            return 0
        fields, branches = 0, [0]
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                fields += self._field(selection, parent, data, known, mutation)
                continue
            inner, target = self._fragment(selection, parent)
            cost = self._selections(inner, target, data, known, mutation)
            if is_abstract_type(parent) and target is not parent:
                branches.append(cost)
            else:
                fields += cost
        return fields + max(branches)

    def _fragment(self, node: Any, parent: GraphQLNamedType) -> tuple[SelectionSetNode, GraphQLNamedType]:
        if isinstance(node, FragmentSpreadNode):
            node = self.fragments[node.name.value]
        assert isinstance(node, InlineFragmentNode | FragmentDefinitionNode)
        target = schema().get_type(node.type_condition.name.value) if node.type_condition else parent
        assert target is not None
        return node.selection_set, target

    def _field(self, node: FieldNode, parent: GraphQLNamedType, data: Any, known: bool, mutation: bool) -> int:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        if definition is None or is_leaf_type(named := get_named_type(definition.type)):
            return 0
        value = data.get(node.alias.value if node.alias else node.name.value) if isinstance(data, dict) else None
        if mutation:
            return max(MUTATION, self._selections(node.selection_set, named, value, known))
        if known and value is None:
            return 0
        if named.name.endswith("Connection"):
            return CONNECTION + self._page(node, named, value, known)
        if is_list_type(get_nullable_type(definition.type)):
            return self._list(node, named, value, known)
        return 1 + self._selections(node.selection_set, named, value, known)

    def _page(self, node: FieldNode, named: GraphQLNamedType, value: Any, known: bool) -> int:
        """Items of a connection, asked for through `nodes` or `edges { node }`."""
        size = self._size(node) if not known else 0
        cost = 0
        for path in (("nodes",), ("edges", "node")):
            inner, target, items = self._below(node.selection_set, named, value, path)
            if inner is None or target is None:
                continue
            if known:
                cost += sized([1 + self._selections(inner, target, item, known) for item in items])
            else:
                cost += factor(size) * (1 + self._selections(inner, target, None, known))
        return cost

    def _below(
        self, node: SelectionSetNode | None, parent: GraphQLNamedType, value: Any, path: Sequence[str]
    ) -> tuple[Any, Any, list[Any]]:
        """The selection at `path`, its type and the values there."""
        values = [value] if isinstance(value, dict) else []
        for name in path:
            found = next(
                (s for s in (node.selections if node else ()) if isinstance(s, FieldNode) and s.name.value == name),
                None,
            )
            if found is None or not isinstance(parent, GraphQLObjectType):
                return None, None, []
            key = found.alias.value if found.alias else name
            deeper = [v.get(key) for v in values]
            values = [
                item for entry in deeper for item in (entry if isinstance(entry, list) else [entry]) if item is not None
            ]
            node, parent = found.selection_set, get_named_type(parent.fields[name].type)
        return node, parent, values

    def _list(self, node: FieldNode, named: GraphQLNamedType, value: Any, known: bool) -> int:
        if known:
            return sized(
                [1 + self._selections(node.selection_set, named, item, known) for item in value if item is not None]
            )
        has_size = any(arg.name.value in ("first", "last") for arg in node.arguments or ())
        return (factor(self._size(node)) if has_size else 1) * (
            1 + self._selections(node.selection_set, named, None, known)
        )

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                if isinstance(argument.value, IntValueNode):
                    return int(argument.value.value)
                if isinstance(argument.value, VariableNode):
                    return int(self.variables.get(argument.value.name.value) or 0)
        return 0


@dataclass
class Bucket:
    """A shop's points. `maximum` and `restore` are Shopify's for the standard plan."""

    maximum: float = 2000.0
    restore: float = 100.0
    clock: Callable[[], float] = time.monotonic
    _available: float = field(default=-1.0)
    _at: float = 0.0

    @property
    def available(self) -> float:
        """Points now."""
        now = self.clock()
        if self._available < 0:
            self._available = self.maximum
        else:
            self._available = min(self.maximum, self._available + (now - self._at) * self.restore)
        self._at = now
        return self._available

    def take(self, points: float) -> bool:
        """Reserve points; False (and nothing taken) when there are not enough."""
        if self.available < points:
            return False
        self._available -= points
        return True

    def give_back(self, points: float) -> None:
        """Return what a request did not use after all."""
        self._available = min(self.maximum, self.available + points)

    def drain(self) -> None:
        """Empty it, as if others had used it up."""
        self._available, self._at = 0.0, self.clock()

    def status(self) -> dict[str, float]:
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": float(int(self.available)),
            "restoreRate": self.restore,
        }


def extension(requested: int, actual: int | None, bucket: Bucket) -> dict[str, Any]:
    """`extensions.cost`."""
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": bucket.status()}}
