"""Fraud flags: one file each, one line in `rules.py`. A flag holds the commission until a person decides."""

from services.ambassadors.fraud.rules import flags_of
from services.ambassadors.fraud.sale import Sale

__all__ = ["Sale", "flags_of"]
