"""The commission ledger: append-only entries, and what is added up from them."""
