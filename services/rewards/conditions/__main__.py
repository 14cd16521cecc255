"""`python -m services.rewards.conditions`: the tables of docs/rewards.md."""

from services.rewards.conditions.contexts import CONTEXTS, context_fields
from shared.contracts.rewards import RECIPIENTS


def tables() -> str:
    """What conditions may ask, per trigger, in Markdown."""
    return "\n\n".join(_table(list(triggers), fields) for triggers, fields in _grouped().items())


def _grouped() -> dict[tuple[str, ...], str]:
    """Triggers with the same context share a table."""
    by_context: dict[str, list[str]] = {}
    for trigger in sorted(CONTEXTS.keys() - {"by_hand"}):  # a grant by hand asks no condition
        rows = (f"| `{field.path}` | {field.type} | {field.description} |" for field in context_fields(trigger))
        by_context.setdefault("\n".join(rows), []).append(trigger)
    return {tuple(triggers): rows for rows, triggers in by_context.items()}


def _table(triggers: list[str], rows: str) -> str:
    names = ", ".join(f"`{trigger}`" for trigger in triggers)
    people = ", ".join(RECIPIENTS[triggers[0]])
    return f"### {names}\n\nRecipients: {people}.\n\n| fact | type | |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    print(tables())
