"""cel-python's syntax trees, without the wrapping that its grammar puts around every term."""

from lark import Token, Tree

WRAPPERS = {
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary",
}  # fmt: skip


def unwrapped(node: Tree[Token]) -> Tree[Token]:
    """The first node below that says something."""
    while node.data in WRAPPERS and len(node.children) == 1 and isinstance(node.children[0], Tree):
        node = node.children[0]
    return node


def operands(node: Tree[Token]) -> tuple[str, Tree[Token], Tree[Token]]:
    """Operator, left and right of a relation, sum or product (`relation_lt(a), b`)."""
    wrapped, right = tree_of(node.children[0]), tree_of(node.children[1])
    return str(wrapped.data).rpartition("_")[2], tree_of(wrapped.children[0]), right


def arguments_of(node: Tree[Token], position: int) -> list[Tree[Token]]:
    """The arguments of a call or the items of a list: the child at `position`, none when it is left out."""
    if len(node.children) <= position:
        return []
    return [tree_of(child) for child in tree_of(node.children[position]).children]


def tree_of(child: Tree[Token] | Token) -> Tree[Token]:
    assert isinstance(child, Tree)
    return child


def token_of(child: Tree[Token] | Token) -> Token:
    assert isinstance(child, Token)
    return child
