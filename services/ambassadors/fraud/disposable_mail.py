"""The buyer's mailbox is one of those that exist for ten minutes."""

from functools import lru_cache
from importlib.resources import files

from services.ambassadors.fraud.sale import Sale
from services.ambassadors.identity import email_host


def disposable_mail(sale: Sale) -> bool:
    """One of the buyer's addresses is at a host of `disposable_hosts.txt`."""
    return any(email_host(email) in _hosts() for email in sale.emails)


@lru_cache
def _hosts() -> frozenset[str]:
    lines = files(__package__).joinpath("disposable_hosts.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
