"""Which parts make up the stack somebody asked for, and what each finds in its environment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from deploy.stack import embedded, kafka
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.options import AUTO, Options
from deploy.stack.parts import ApacheKafka, Background, EmbeddedKafka, Mongod, Part, Say, Web
from deploy.stack.ports import HOST

SERVICES = ("gateway", "ugc", "ambassadors", "rewards")
NETWORKS = ("telegram", "vk", "instagram", "tiktok", "youtube")


@dataclass
class Plan:
    """`servers` and `services` start by themselves; `late` ones once the demo is seeded."""

    options: Options
    directory: DataDir
    kafka_kind: str = "external"
    notices: list[str] = field(default_factory=list)
    servers: list[Part] = field(default_factory=list)
    services: list[Part] = field(default_factory=list)
    late: list[Part] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        return [*self.servers, *self.services, *self.late]

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)

    def address(self, name: str, given: str) -> str:
        """The address of a part of ours, or the one that was given in its stead."""
        part = self.part(name)
        return (part.address or given) if part else given

    @property
    def mongo_uri(self) -> str:
        return self.address("mongod", self.options.mongo)

    @property
    def kafka_address(self) -> str:
        return self.address("kafka", self.options.kafka)

    def environment(self, service: str) -> dict[str, str]:
        """The settings of a service, in the variables that shared/settings.py reads."""
        secrets = self.directory.secrets()
        settings = {
            "VOUCH_MONGO_URI": self.mongo_uri,
            "VOUCH_KAFKA": self.kafka_address,
            "VOUCH_KAFKA_EMBEDDED": "true" if self.kafka_kind == "embedded" else "false",
            "VOUCH_HTTP_HOST": HOST,
            "VOUCH_HTTP_PORT": str(self.options.port_of(service)),
            "VOUCH_PUBLIC_URL": self.options.url("gateway"),
            "VOUCH_MASTER_KEY": secrets.master_key,
            "VOUCH_OPERATOR_TOKEN": secrets.operator_token,
        }
        # A lasting name lets a restarted process take its partitions back at once; the embedded broker knows none.
        instance = {} if self.kafka_kind == "embedded" else {"VOUCH_INSTANCE": f"{service}-0"}
        return settings | instance | (self._local_world() if self.options.demo else {})

    def _local_world(self) -> dict[str, str]:
        devnet = self.options.url("devnet")
        networks = {f"VOUCH_{network.upper()}_API_URL": f"{devnet}/{network}" for network in NETWORKS}
        return networks | {"VOUCH_SHOPIFY_URL": self.options.url("devstore") + "/shops/{shop}"}


async def make_plan(options: Options, directory: DataDir, say: Say) -> Plan:
    """Decide on the parts. May fetch Kafka. Raises StackError when something that was asked for can't be had."""
    plan = Plan(options, directory)
    await _plan_mongo(plan)
    await _plan_kafka(plan, say)
    # Services wait for their servers by themselves, so they may load meanwhile; the embedded broker must first say
    # where it is.
    needs = ("kafka",) if plan.kafka_kind == "embedded" else ()
    plan.services += [_service(plan, name, needs) for name in SERVICES]
    if options.demo:
        _plan_demo(plan)
    return plan


def _service(plan: Plan, name: str, needs: tuple[str, ...]) -> Web:
    port = plan.options.port_of(name)
    return Web(name, port, [f"services.{name}"], lambda: plan.environment(name), needs)


async def _plan_mongo(plan: Plan) -> None:
    if plan.options.mongo == AUTO:
        plan.servers.append(Mongod(plan.directory, plan.options.port_of("mongod")))
    else:
        await check_mongo(plan.options.mongo)


async def check_mongo(uri: str) -> None:
    """Raises StackError unless a replica set answers at `uri` (transactions need one)."""
    try:
        async with AsyncMongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=5000) as client:
            hello = await client.admin.command("hello")
    except PyMongoError as error:
        raise StackError(f"MongoDB at the given --mongo URI does not answer: {error}") from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StackError("The MongoDB at the given --mongo URI is no replica set; transactions need one (--replSet).")


async def _plan_kafka(plan: Plan, say: Say) -> None:
    options = plan.options
    if options.external_kafka:
        if not await kafka.ready(options.kafka):
            raise StackError(f"No Kafka answers at {options.kafka}. Start it, or leave --kafka out.")
        return
    plan.kafka_kind = await asyncio.to_thread(_choose, plan, say)
    _compare_with_last_time(plan)
    if plan.kafka_kind == "apache":
        controller = options.port_of("kafka-controller")
        plan.servers.append(ApacheKafka(plan.directory, options.port_of("kafka"), controller))
    else:
        plan.notices.append(embedded.WARNING)
        plan.servers.append(EmbeddedKafka(plan.directory))


def _choose(plan: Plan, say: Say) -> str:
    if plan.options.kafka == "embedded":
        return "embedded"
    try:
        kafka.find_java()
        kafka.jars(say)
    except kafka.KafkaUnavailable as unavailable:
        if plan.options.kafka == "apache":
            raise
        plan.notices.append(f"{unavailable} So the embedded broker is used.")
        return "embedded"
    return "apache"


def _compare_with_last_time(plan: Plan) -> None:
    before = plan.directory.notes().get("kafka")
    if before == "apache" and plan.kafka_kind == "embedded":
        plan.notices.append(
            "This data directory was last used with Apache Kafka; its log there is kept, but not read now."
        )
    plan.directory.note(kafka=plan.kafka_kind)


def _plan_demo(plan: Plan) -> None:
    options, root = plan.options, plan.directory.root
    store = ["--data", str(root / "devstore.sqlite"), "--gateway", options.url("gateway")]
    for name, arguments in {"devstore": store, "devnet": ["--data-dir", str(root / "devnet")]}.items():
        port = options.port_of(name)
        command = [f"deploy.{name}", "--port", str(port), *arguments]
        plan.servers.append(Web(name, port, command, dict, probe="/healthz"))
    if options.traffic:
        environment: Mapping[str, str] = {"VOUCH_DEMO": str(plan.directory.vouch_json)}
        plan.late.append(Background("traffic", ["deploy.traffic"], lambda: environment, needs=("gateway",)))
