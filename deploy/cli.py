"""The `vouch` command: runs the whole of Vouch on this machine."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from deploy.stack import control
from deploy.stack.console import Progress, table
from deploy.stack.datadir import DataDir, read_json
from deploy.stack.errors import StackError
from deploy.stack.options import AUTO, Options
from deploy.stack.processes import PROJECT, tail
from deploy.stack.snapshot import Phase, Snapshot
from deploy.stack.supervisor import Supervisor

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(help="API keys of a brand.", no_args_is_help=True)
app.add_typer(keys, name="keys")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", help="Where the stack keeps everything.", envvar="VOUCH_DATA_DIR")
]
PortOption = Annotated[int, typer.Option("--port", help="Base port N; the gateway listens on it, the rest up to N+22.")]
KafkaOption = Annotated[str, typer.Option("--kafka", help="auto, apache, embedded, or HOST:PORT of a running one.")]
MongoOption = Annotated[str, typer.Option("--mongo", help="auto, or the URI of a running replica set.")]
NoTraffic = Annotated[bool, typer.Option("--no-traffic", help="With the demo: seed it, then nothing moves by itself.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return once everything is ready; `vouch down` ends it.")]
DATA = Path("data")


@contextmanager
def sentences() -> Iterator[None]:
    """A StackError becomes its sentence on stderr and exit code 1."""
    try:
        yield
    except StackError as error:
        err.print(f"[bold red]✗[/] {error}", markup=True, soft_wrap=True)
        raise typer.Exit(1) from None


@app.command()
def up(
    data_dir: DataDirOption = DATA,
    port: PortOption = 8000,
    kafka: KafkaOption = AUTO,
    mongo: MongoOption = AUTO,
    demo: Annotated[bool, typer.Option("--demo", help="Add a local shop, local networks, and a seeded brand.")] = False,
    no_traffic: NoTraffic = False,
    detach: Detach = False,
) -> None:
    """Start MongoDB, Kafka and every service, and keep them running until Ctrl-C or `vouch down`."""
    with sentences():
        options = Options(data_dir.expanduser().resolve(), port, kafka, mongo, demo, not no_traffic)
        (run_detached if detach else run_here)(options)


@app.command("demo")
def demo_command(
    data_dir: DataDirOption = DATA,
    port: PortOption = 8000,
    kafka: KafkaOption = AUTO,
    mongo: MongoOption = AUTO,
    no_traffic: NoTraffic = False,
    detach: Detach = False,
) -> None:
    """The same as `up --demo`: the whole loop on a local shop and local networks."""
    up(data_dir, port, kafka, mongo, True, no_traffic, detach)


def run_here(options: Options) -> None:
    progress = Progress(out)
    told = False

    def show(snapshot: Snapshot) -> None:
        nonlocal told
        progress.show(snapshot)
        if snapshot.phase is Phase.READY and not told:
            told = True
            tell_what_next(options)

    try:
        asyncio.run(Supervisor(options, show).run())
    finally:
        progress.close()


def run_detached(options: Options) -> None:
    """Start the supervisor as a process of its own and follow its snapshots until it is ready."""
    directory = DataDir.named(options.data_dir)
    directory.open()
    with directory.locked():
        directory.snapshot.unlink(missing_ok=True)
    log = directory.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", *arguments(options)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=PROJECT, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    follow(child, directory, log)
    tell_what_next(options)


def arguments(options: Options) -> list[str]:
    """The command line that says the same as these options."""
    given = ["--data-dir", str(options.data_dir), "--port", str(options.port)]
    given += ["--kafka", options.kafka, "--mongo", options.mongo]
    return given + ["--demo"] * options.demo + ["--no-traffic"] * (not options.traffic)


def follow(child: "subprocess.Popen[bytes]", directory: DataDir, log: Path) -> None:
    """Show progress until the stack is ready. Raises StackError when the supervisor ended instead."""
    progress = Progress(out)
    try:
        while True:
            ended = child.poll() is not None
            snapshot = Snapshot.read(directory.snapshot)
            if snapshot:
                progress.show(snapshot)
                if snapshot.phase is Phase.READY and not ended:
                    return
            if ended:
                raise StackError(last_words(log))
            time.sleep(0.2)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    finally:
        progress.close()


def last_words(log: Path) -> str:
    """The sentence with which the supervisor ended."""
    lines = tail(log, 60)
    begins = [number for number, line in enumerate(lines) if line.startswith("✗ ")]
    return "\n".join(lines[begins[-1] if begins else -20 :]).removeprefix("✗ ")


def tell_what_next(options: Options) -> None:
    """Where to look first."""
    root = "" if options.data_dir == DATA.resolve() else f" --data-dir {options.data_dir}"
    out.print(f"  API docs  {options.url('gateway')}/docs")
    if options.demo:
        out.print(f"  shop      {options.url('devstore')}/shops/vouch-demo.myshopify.com/")
        out.print(f"  networks  {options.url('devnet')}/")
        out.print(f"  keys      {options.data_dir / 'vouch.json'}")
    out.print(f"  [dim]vouch status{root}, vouch logs SERVICE{root}, vouch down{root}[/]", soft_wrap=True)


@app.command()
def env(data_dir: DataDirOption = DATA) -> None:
    """The demo's addresses and keys as shell variables: eval "$(vouch env)"."""
    facts = read_json(DataDir.named(data_dir).vouch_json)
    if not facts:
        err.print(f"[red]✗[/] There is no demo in {data_dir}: `vouch up --demo` makes one.")
        raise typer.Exit(1)
    for name, value in shell_variables(facts).items():
        print(f"export {name}={shlex.quote(value)}")


def shell_variables(facts: dict[str, Any]) -> dict[str, str]:
    """What of DIR/vouch.json a person needs at hand for trying things with curl."""
    telegram, inbound = facts["connections"]["telegram"], facts["connections"]["inbound"]
    return {
        "GATEWAY": facts["gateway_url"],
        "ADMIN_KEY": facts["admin_api_key"],
        "AMBASSADOR_CODE": facts["ambassador"]["code"],
        "AMBASSADOR_TOKEN": facts["ambassador"]["token"],
        "SHOP": facts["shopify"]["shop_domain"],
        "SHOPIFY_SECRET": facts["shopify"]["client_secret"],
        "DEVSTORE": facts["devstore_url"],
        "DEVNET": facts["devnet_url"],
        "TELEGRAM_ID": telegram["id"],
        "TELEGRAM_SECRET": telegram["secret"],
        "INBOUND_ID": inbound["id"],
        "INBOUND_SECRET": inbound["secret"],
    }


@app.command()
def down(data_dir: DataDirOption = DATA) -> None:
    """End every process of the stack, whether its supervisor still lives or not."""
    with sentences():
        ended = control.down(DataDir.named(data_dir))
    out.print(f"Ended: {', '.join(ended)}." if ended else "Nothing was running.")


@app.command()
def status(
    data_dir: DataDirOption = DATA,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What runs. Exit code 0 when everything is ready, 1 otherwise."""
    snapshot = control.look(DataDir.named(data_dir))
    if as_json:
        out.print_json(snapshot.model_dump_json() if snapshot else json.dumps({"phase": "absent", "parts": []}))
    elif snapshot is None:
        out.print(f"There is no stack in {data_dir}. `vouch up` makes one.")
    else:
        out.print(f"{snapshot.phase} · {snapshot.gateway_url} · Kafka: {snapshot.kafka}", snapshot.activity or "")
        out.print(table(snapshot))
    raise typer.Exit(0 if control.is_well(snapshot) else 1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="gateway, ugc, ambassadors, rewards, kafka, mongod, devstore, …")],
    data_dir: DataDirOption = DATA,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they are written.")] = False,
) -> None:
    """The last lines a part has logged."""
    directory = DataDir.named(data_dir)
    log = directory.log(service)
    with sentences():
        if service not in directory.logs():
            raise StackError(
                f"No log of {service} in {directory.root}; there are: {', '.join(directory.logs()) or 'none'}."
            )
    where = log.stat().st_size
    for line in tail(log, lines):
        print(line)
    while follow:
        where = print_from(log, where)
        time.sleep(0.3)


def print_from(log: Path, where: int) -> int:
    """Print what was written after byte `where`; from the start when the log was rotated. Returns the new end."""
    size = log.stat().st_size if log.exists() else 0
    if size != where and log.exists():
        with log.open("rb") as file:
            file.seek(where if size > where else 0)
            print(file.read().decode(errors="replace"), end="", flush=True)
    return size


@keys.command("create")
def create_key(
    data_dir: DataDirOption = DATA,
    brand: Annotated[str, typer.Option(help="Brand id; the demo's brand when left out.")] = "",
    role: Annotated[str, typer.Option(help="owner, marketer or viewer.")] = "owner",
    name: Annotated[str, typer.Option(help="What the key is for.")] = "made by the vouch command",
) -> None:
    """Make an API key of a brand. It is shown once."""
    from deploy.operator import create_key as create

    with sentences():
        directory = DataDir.named(data_dir)
        snapshot = control.look(directory)
        if snapshot is None or snapshot.phase is not Phase.READY:
            raise StackError(f"No stack is ready in {directory.root}; start it with `vouch up`.")
        brand_id = brand or read_json(directory.vouch_json).get("brand_id")
        if not brand_id:
            raise StackError("Which brand? Give its id with --brand.")
        made: dict[str, Any] = asyncio.run(create(snapshot.gateway_url, directory.secrets(), brand_id, role, name))
    print(made["key"])
    err.print(f"[dim]{role} key {made['id']} of {brand_id}; it is not shown again[/]")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
