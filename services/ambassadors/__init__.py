"""Programmes, people, codes and links, attribution, the commission ledger."""
