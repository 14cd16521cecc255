"""The register of fraud rules."""

from collections.abc import Callable

from services.ambassadors.fraud.coupon_site import coupon_site
from services.ambassadors.fraud.disposable_mail import disposable_mail
from services.ambassadors.fraud.sale import Sale
from services.ambassadors.fraud.unproven_note import unproven_note

Rule = Callable[[Sale], bool]
RULES: dict[str, Rule] = {
    "coupon_site": coupon_site,
    "disposable_mail": disposable_mail,
    "unproven_note": unproven_note,
}


def flags_of(sale: Sale) -> list[str]:
    """Names of the rules that speak up."""
    return [name for name, rule in RULES.items() if rule(sale)]
