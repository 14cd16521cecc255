"""Conditions of campaigns: CEL over a documented, typed context, checked when saved, explained on demand."""

from services.rewards.conditions.condition import Condition, Explanation, compiled
from services.rewards.conditions.contexts import CONTEXTS, Context, FieldInfo, context_fields
from services.rewards.conditions.messages import ConditionError

__all__ = [
    "CONTEXTS",
    "Condition",
    "ConditionError",
    "Context",
    "Explanation",
    "FieldInfo",
    "compiled",
    "context_fields",
]
