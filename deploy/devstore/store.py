"""The dev store's memory: JSON documents in one SQLite file, one transaction per request.

Everything answered is on disk first (write-ahead log), so `kill -9` loses nothing that a client has seen.
All calls happen on the event loop's thread; a transaction never spans an `await`.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS docs(
  shop TEXT NOT NULL, kind TEXT NOT NULL, id INTEGER NOT NULL, lookup TEXT, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(shop, kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS docs_lookup ON docs(shop, kind, lookup);
CREATE INDEX IF NOT EXISTS docs_updated ON docs(shop, kind, updated_at, id);
CREATE INDEX IF NOT EXISTS docs_created ON docs(shop, kind, created_at, id);
CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries(
  id INTEGER PRIMARY KEY, shop TEXT NOT NULL, topic TEXT NOT NULL, uri TEXT NOT NULL, subscription INTEGER,
  headers TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries(state, due);
CREATE TABLE IF NOT EXISTS attempts(
  id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, at REAL NOT NULL, status INTEGER, ms INTEGER NOT NULL,
  error TEXT, answer TEXT, signature TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_delivery ON attempts(delivery);
CREATE TABLE IF NOT EXISTS calls(
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, shop TEXT NOT NULL, token TEXT, token_shop TEXT, operation TEXT,
  query TEXT, variables TEXT, status INTEGER, cost TEXT, errors TEXT, fault TEXT);
"""
_BASES = {
    "product": 8, "variant": 44, "collection": 3, "customer": 7, "order": 6, "line_item": 15, "discount": 14,
    "code": 19, "use": 1, "shipping_line": 49, "refund": 9, "refund_line": 5, "transaction": 71, "adjustment": 2,
    "subscription": 16, "metafield": 31, "store_credit": 4, "store_credit_move": 41, "gift_card": 6, "segment": 5,
    "bulk": 21, "image": 37, "address": 88, "checkout": 38, "cart": 1, "edit": 12, "option": 10,
}  # fmt: skip


class Store:
    """Documents by `(shop, kind, id)`, each with one optional unique-by-convention `lookup` key."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction joins the outer one."""
        if self.db.in_transaction:
            yield
            return
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def number(self, name: str) -> int:
        """The next of 1, 2, 3… for `name`."""
        row = self.db.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value",
            (name,),
        ).fetchone()
        return int(row[0])

    def new_id(self, shop: str, kind: str) -> int:
        """A Shopify-looking id: 13 digits, unlike across shops, the same in every run for the same history."""
        shard = self._shard(shop)
        return _BASES[kind] * 10**12 + shard * 10**9 + self.number(f"{shop}/{kind}")

    def _shard(self, shop: str) -> int:
        row = self.db.execute("SELECT value FROM counters WHERE name = ?", (f"shard/{shop}",)).fetchone()
        if row:
            return int(row[0])
        shard = self.number("shards")
        self.db.execute("INSERT INTO counters VALUES (?, ?)", (f"shard/{shop}", shard))
        return shard

    def put(
        self, shop: str, kind: str, body: Json, *, lookup: str | None = None, created: str = "", updated: str = ""
    ) -> None:
        """Insert or replace; `created` and `updated` are UTC RFC 3339 seconds, used for sorting and filters."""
        self.db.execute(
            "INSERT INTO docs VALUES (?,?,?,?,?,?,?) ON CONFLICT(shop, kind, id) DO UPDATE SET "
            "lookup=excluded.lookup, updated_at=excluded.updated_at, body=excluded.body",
            (shop, kind, body["id"], lookup, created, updated, json.dumps(body, ensure_ascii=False)),
        )

    def get(self, shop: str, kind: str, id_: int) -> Json | None:
        row = self.db.execute("SELECT body FROM docs WHERE shop=? AND kind=? AND id=?", (shop, kind, id_)).fetchone()
        return json.loads(row[0]) if row else None

    def find(self, shop: str, kind: str, lookup: str) -> Json | None:
        """The first document with this lookup key."""
        row = self.db.execute(
            "SELECT body FROM docs WHERE shop=? AND kind=? AND lookup=? ORDER BY id", (shop, kind, lookup)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def find_all(self, shop: str, kind: str, lookup: str) -> list[Json]:
        rows = self.db.execute(
            "SELECT body FROM docs WHERE shop=? AND kind=? AND lookup=? ORDER BY id", (shop, kind, lookup)
        )
        return [json.loads(row[0]) for row in rows]

    def all(self, shop: str, kind: str) -> Iterator[Json]:
        """Every document of a kind in the order of ids."""
        for row in self.db.execute(
            "SELECT body FROM docs WHERE shop=? AND kind=? ORDER BY id", (shop, kind)
        ).fetchall():
            yield json.loads(row[0])

    def updated_between(self, shop: str, kind: str, low: str, high: str) -> list[Json]:
        """Documents with `low <= updated_at <= high` (RFC 3339 UTC), oldest change first."""
        rows = self.db.execute(
            "SELECT body FROM docs WHERE shop=? AND kind=? AND updated_at>=? AND updated_at<=? ORDER BY updated_at, id",
            (shop, kind, low, high),
        )
        return [json.loads(row[0]) for row in rows]

    def delete(self, shop: str, kind: str, id_: int) -> bool:
        return self.db.execute("DELETE FROM docs WHERE shop=? AND kind=? AND id=?", (shop, kind, id_)).rowcount > 0

    def setting(self, name: str, default: Any = None) -> Any:
        row = self.db.execute("SELECT body FROM settings WHERE name=?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        self.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def close(self) -> None:
        self.db.close()
