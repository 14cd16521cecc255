"""The read side that the gateway may use. Every view takes the brand and sees nothing of any other."""

from services.ambassadors.views.calendar import Bucket
from services.ambassadors.views.ledger import CommissionView, EntryView, commission, commissions, ledger
from services.ambassadors.views.orders import MyOrder, OrderView, Receipt, my_orders, orders, receipt
from services.ambassadors.views.people import (
    AmbassadorView,
    AuditView,
    CodeTarget,
    LinkView,
    ProgramView,
    ambassador,
    ambassadors,
    audit,
    links,
    program,
    programs,
    resolve_code,
)
from services.ambassadors.views.stats import Stats, stats

__all__ = [
    "AmbassadorView", "AuditView", "Bucket", "CodeTarget", "CommissionView", "EntryView", "LinkView", "MyOrder",
    "OrderView", "ProgramView", "Receipt", "Stats", "ambassador", "ambassadors", "audit", "commission", "commissions",
    "ledger", "links", "my_orders", "orders", "program", "programs", "receipt", "resolve_code", "stats",
]  # fmt: skip
