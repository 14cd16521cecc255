"""Everything the dev network remembers, in SQLite, so that it survives a restart (and `kill -9`)."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from deploy.devnet.models import Delivery, DevConnection, Fault, Post
from shared.contracts.gateway import NetworkName

FIRST_POST = 1_000_000
SCHEMA = """
create table if not exists counters (name text primary key, value integer not null);
create table if not exists connections (id text primary key, network text not null, document text not null);
create table if not exists posts (
    connection text not null, id text not null, root text not null, network text not null, client_key text,
    document text not null, primary key (connection, id)
);
create index if not exists posts_by_root on posts (connection, root);
create unique index if not exists posts_by_key on posts (connection, client_key) where client_key is not null;
create table if not exists deliveries (
    id integer primary key autoincrement, connection text not null, event text not null,
    attempts integer not null default 0, next_at real not null, state text not null default 'waiting', answer text
);
create index if not exists deliveries_due on deliveries (state, next_at);
create table if not exists faults (position integer primary key, document text not null);
create table if not exists calls (
    id integer primary key autoincrement, at real not null, network text not null, path text not null,
    status integer, fault text
);
"""


class Store:
    """Synchronous, for one process: each method is one small statement or transaction."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def next_number(self, name: str) -> int:
        return self.add(name, 1)

    def next_post_number(self) -> int:
        """High enough not to meet the ids of things said elsewhere, which people make up by hand."""
        return FIRST_POST + self.next_number("post")

    def add(self, name: str, amount: int) -> int:
        """Adds to a counter and returns its new value."""
        row = self._db.execute(
            "insert into counters values (?, ?) on conflict (name) do update set value = value + excluded.value "
            "returning value",
            (name, amount),
        ).fetchone()
        return int(row[0])

    def put_connection(self, connection: DevConnection) -> None:
        self._db.execute(
            "insert into connections values (?, ?, ?) on conflict (id) do update "
            "set network = excluded.network, document = excluded.document",
            (connection.id, connection.network, connection.model_dump_json()),
        )

    def connections(self, network: NetworkName | None = None) -> list[DevConnection]:
        rows = self._db.execute(
            "select document from connections where network = coalesce(?, network) order by rowid", (network,)
        )
        return [DevConnection.model_validate_json(row[0]) for row in rows]

    def connection(self, connection_id: str) -> DevConnection | None:
        row = self._db.execute("select document from connections where id = ?", (connection_id,)).fetchone()
        return DevConnection.model_validate_json(row[0]) if row else None

    def holder(self, network: NetworkName, secret: str, value: str) -> DevConnection | None:
        """The connection whose secret of that name has this value."""
        found = (one for one in self.connections(network) if value and one.secrets.get(secret) == value)
        return next(found, None)

    def put_post(self, post: Post) -> None:
        self._db.execute(
            "insert into posts values (?, ?, ?, ?, ?, ?) on conflict (connection, id) do update "
            "set document = excluded.document",
            (post.connection, post.id, post.root, post.network, post.client_key, post.model_dump_json()),
        )

    def post(self, connection: str, post_id: str) -> Post | None:
        row = self._db.execute(
            "select document from posts where connection = ? and id = ?", (connection, post_id)
        ).fetchone()
        return Post.model_validate_json(row[0]) if row else None

    def post_by_key(self, connection: str, client_key: str) -> Post | None:
        row = self._db.execute(
            "select document from posts where connection = ? and client_key = ?", (connection, client_key)
        ).fetchone()
        return Post.model_validate_json(row[0]) if row else None

    def replies(self, connection: str, root: str) -> list[Post]:
        """What was said below a root, oldest first."""
        rows = self._db.execute(
            "select document from posts where connection = ? and root = ? and id != root order by rowid",
            (connection, root),
        )
        return [Post.model_validate_json(row[0]) for row in rows]

    def roots(self, network: NetworkName | None, connection: str | None, limit: int, offset: int = 0) -> list[Post]:
        """Threads, newest first."""
        rows = self._db.execute(
            "select document from posts where id = root and network = coalesce(?, network) "
            "and connection = coalesce(?, connection) order by rowid desc limit ? offset ?",
            (network, connection, limit, offset),
        )
        return [Post.model_validate_json(row[0]) for row in rows]

    def latest(self, connection: str, pattern: str) -> Post | None:
        """The newest thread whose id matches a GLOB pattern."""
        row = self._db.execute(
            "select document from posts where connection = ? and id = root and id glob ? order by rowid desc limit 1",
            (connection, pattern),
        ).fetchone()
        return Post.model_validate_json(row[0]) if row else None

    def enqueue(self, connection: str, event: dict[str, Any], at: float) -> int:
        row = self._db.execute(
            "insert into deliveries (connection, event, next_at) values (?, ?, ?) returning id",
            (connection, json.dumps(event), at),
        ).fetchone()
        return int(row[0])

    def due(self, now: float) -> Iterator[Delivery]:
        """Deliveries whose time has come, oldest first."""
        rows = self._db.execute(
            "select * from deliveries where state = 'waiting' and next_at <= ? order by id limit 200", (now,)
        ).fetchall()
        for row in rows:
            yield Delivery(**{**dict(row), "event": json.loads(row["event"])})

    def settle(self, delivery: int, state: str, answer: str, next_at: float = 0) -> None:
        """`waiting` (again at `next_at`), `done` or `failed`."""
        self._db.execute(
            "update deliveries set state = ?, answer = ?, next_at = ?, attempts = attempts + 1 where id = ?",
            (state, answer[:300], next_at, delivery),
        )

    def deliveries(self, limit: int = 100) -> list[dict[str, Any]]:
        rows = self._db.execute("select * from deliveries order by id desc limit ?", (limit,))
        return [{**dict(row), "event": json.loads(row["event"])} for row in rows]

    def waiting(self) -> int:
        return int(self._db.execute("select count(*) from deliveries where state = 'waiting'").fetchone()[0])

    def faults(self) -> list[tuple[int, Fault]]:
        rows = self._db.execute("select position, document from faults order by position")
        return [(row[0], Fault.model_validate_json(row[1])) for row in rows]

    def put_faults(self, faults: list[Fault]) -> None:
        with self._db:
            self._db.execute("begin")
            self._db.execute("delete from faults")
            self._db.executemany(
                "insert into faults values (?, ?)", [(n, fault.model_dump_json()) for n, fault in enumerate(faults)]
            )

    def put_fault(self, position: int, fault: Fault | None) -> None:
        if fault is None:
            self._db.execute("delete from faults where position = ?", (position,))
        else:
            self._db.execute("update faults set document = ? where position = ?", (fault.model_dump_json(), position))

    def log_call(self, at: float, network: str, path: str, status: int | None, fault: str | None) -> None:
        self._db.execute(
            "insert into calls (at, network, path, status, fault) values (?, ?, ?, ?, ?)",
            (at, network, path, status, fault),
        )
        self._db.execute("delete from calls where id <= (select max(id) from calls) - 5000")

    def calls(self, network: str | None, limit: int) -> list[dict[str, Any]]:
        """Calls that came in, newest first. `status` null: never answered."""
        rows = self._db.execute(
            "select * from calls where network = coalesce(?, network) order by id desc limit ?", (network, limit)
        )
        return [dict(row) for row in rows]
