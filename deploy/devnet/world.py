"""The dev network's people and threads: what happens when somebody says something, or the brand answers."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.devnet.faults import Mischief, Window
from deploy.devnet.models import DeleteForm, DevConnection, EditForm, Person, Post, PostForm
from deploy.devnet.store import Store
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Media, MentionKind

KINDS: dict[NetworkName, tuple[MentionKind, ...]] = {
    "telegram": ("post", "message", "comment", "video"),
    "vk": ("comment", "post", "message"),
    "instagram": ("comment", "post", "story", "message", "video"),
    "tiktok": ("comment",),
    "youtube": ("comment",),
    "inbound": ("post", "comment", "review", "story", "video", "message"),
}


class Impossible(Exception):
    """Something that can't be done on this network; the sentence says why."""


class Gone(Exception):
    """The target of a reply was deleted, or (on strict connections) never there."""


@dataclass
class World:
    store: Store
    mischief: Mischief
    window: Window

    def say(self, form: PostForm) -> Post:
        """A person says something; its webhook is queued in the same breath."""
        connection = self.choose(form.network, form.connection)
        parent = self._parent(connection, form.reply_to)
        kind = form.kind or ("comment" if parent else KINDS[form.network][0])
        if kind not in KINDS[form.network]:
            raise Impossible(f"{form.network} has no {kind}; it has {', '.join(KINDS[form.network])}.")
        number = self.store.next_post_number()
        post_id = new_id(connection, kind, number, form, parent)
        post = Post(
            network=form.network,
            connection=connection.id,
            id=post_id,
            number=number,
            kind=kind,
            text=form.text,
            author=form.author.model_copy(update={"id": form.author.number}),
            reply_to=parent.id if parent else None,
            root=parent.root if parent else post_id,
            media=form.media,
            mention=form.mention or (form.network == "instagram" and kind in ("post", "video")),
        )
        self.store.put_post(post)
        self._announce(connection, post, "new")
        return post

    def edit(self, form: EditForm) -> Post:
        post = self._own(form.connection, form.id)
        changed = post.model_copy(update={"text": form.text, "edited_at": datetime.now(UTC)})
        self.store.put_post(changed)
        self._announce(self._connection(form.connection), changed, "edit")
        return changed

    def delete(self, form: DeleteForm) -> Post:
        post = self._own(form.connection, form.id)
        gone = post.model_copy(update={"deleted": True, "text": "", "media": []})
        self.store.put_post(gone)
        self._announce(self._connection(form.connection), gone, "delete")
        return gone

    def answer(
        self,
        connection: DevConnection,
        target: str,
        post_id: str,
        number: int,
        text: str,
        *,
        kind: MentionKind = "comment",
        media: list[Media] | None = None,
        client_key: str | None = None,
    ) -> Post:
        """The brand replies. Raises Gone."""
        parent = self.target(connection, target)
        post = Post(
            network=connection.network,
            connection=connection.id,
            id=post_id,
            number=number,
            kind=kind,
            text=text,
            author=Person(id=brand_id(connection), handle=None, name=connection.brand),
            by_brand=True,
            reply_to=parent.id,
            root=parent.root,
            media=media or [],
            client_key=client_key,
        )
        self.store.put_post(post)
        return post

    def target(self, connection: DevConnection, target: str) -> Post:
        """What a reply goes to. Unless the connection is strict, a thing said elsewhere gets an empty place here."""
        post = self.store.post(connection.id, target)
        if post is not None and not post.deleted:
            return post
        if post is not None or connection.strict:
            raise Gone(target)
        elsewhere = Post(
            network=connection.network,
            connection=connection.id,
            id=target,
            number=self.store.next_post_number(),
            kind="comment",
            text="",
            author=Person(),
            root=target,
            seen_elsewhere=True,
        )
        self.store.put_post(elsewhere)
        return elsewhere

    def spend(self, name: str, amount: int) -> int:
        """Adds to what was spent under that name, and tells the sum."""
        return self.store.add(name, amount)

    def choose(self, network: NetworkName, connection_id: str | None) -> DevConnection:
        if connection_id is not None:
            connection = self._connection(connection_id)
            if connection.network != network:
                raise Impossible(f"The connection {connection_id} belongs to {connection.network}.")
            return connection
        connections = self.store.connections(network)
        if not connections:
            raise Impossible(f"No connection of {network} is registered; PUT /_dev/connections first.")
        return connections[0]

    def _connection(self, connection_id: str) -> DevConnection:
        connection = self.store.connection(connection_id)
        if connection is None:
            raise Impossible(f"There is no connection {connection_id}.")
        return connection

    def _parent(self, connection: DevConnection, reply_to: str | None) -> Post | None:
        if reply_to is None:
            return None
        parent = self.store.post(connection.id, reply_to)
        if parent is None:
            raise Impossible(f"There is no post {reply_to} to reply to.")
        return parent

    def _own(self, connection: str, post_id: str) -> Post:
        post = self.store.post(connection, post_id)
        if post is None or post.by_brand:
            raise Impossible(f"No person said {post_id}.")
        return post

    def _announce(self, connection: DevConnection, post: Post, action: str) -> None:
        if connection.webhook_url is None or connection.network == "youtube":
            return
        event = {"action": action, "post": post.model_dump(mode="json"), "number": self.store.next_number("event")}
        self.store.enqueue(connection.id, event, time.time())


def brand_id(connection: DevConnection) -> str:
    """Who the brand is on its network."""
    settings = connection.settings
    own = {
        "vk": "-" + settings.get("group_id", "0"),
        "instagram": settings.get("account_id", ""),
        "tiktok": settings.get("business_id", ""),
        "youtube": settings.get("channel_id", ""),
        "telegram": connection.secrets.get("bot_token", "").partition(":")[0],
    }
    return own.get(connection.network) or str(connection.number)


def chat_id(connection: DevConnection, kind: MentionKind, author: Person) -> int:
    """Telegram: private messages have the person's own chat, everything else the brand's group."""
    return int(author.number) if kind == "message" else int(f"-100{connection.number}")


def home(connection: DevConnection) -> str:
    """The brand's own post, photo or video that comments without a parent go under."""
    homes = {
        "vk": f"wall-{connection.settings.get('group_id', '0')}_1",
        "instagram": str(17_800_000_000_000_000 + connection.number),
        "tiktok": str(7_220_000_000_000_000_000 + connection.number),
        "youtube": f"dev{connection.number}",
    }
    return homes.get(connection.network, "")


def new_id(connection: DevConnection, kind: MentionKind, number: int, form: PostForm, parent: Post | None) -> str:
    """An id as the adapters in `shared/networks` write it."""
    match connection.network:
        case "telegram":
            chat = parent.id.partition(":")[0] if parent else chat_id(connection, kind, form.author)
            return f"{chat}:{number}"
        case "vk":
            return _vk_id(connection, kind, number, form, parent)
        case "instagram":
            return _instagram_id(connection, kind, number, form)
        case "tiktok":
            video = parent.id.partition(":")[0] if parent else home(connection)
            return f"{video}:{7_225_000_000_000_000_000 + number}"
        case "youtube":
            return f"{parent.root}.{_letters(number)}" if parent else f"Ugx{_letters(number)}"
        case "inbound":
            return f"dev-{number}"


def _vk_id(connection: DevConnection, kind: MentionKind, number: int, form: PostForm, parent: Post | None) -> str:
    if kind == "message":
        return f"message{form.author.number}_{number}"
    if kind == "post":
        return f"wall-{connection.settings.get('group_id', '0')}_{1000 + number}"
    place = parent.id.partition("_r")[0] if parent else home(connection)
    return f"{place}_r{1000 + number}"


def _instagram_id(connection: DevConnection, kind: MentionKind, number: int, form: PostForm) -> str:
    if kind in ("message", "story"):
        return f"dm:{form.author.number}:aWdfZAG1faXRlbToxOk{_letters(number)}"
    if kind in ("post", "video"):
        return f"mention:{17_850_000_000_000_000 + number}"
    comment = 17_900_000_000_000_000 + number
    return f"mention:{17_850_000_000_000_000 + number}:{comment}" if form.mention else str(comment)


def _letters(number: int) -> str:
    return f"{number:012x}"
