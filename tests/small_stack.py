"""A stack with real supervision and tiny parts, as a program: so that tests may kill it.

python -m tests.small_stack up DIR PORT SERVICE...   like `vouch up`; a service may be named broken or deaf
python -m tests.small_stack serve NAME PORT          one tiny service that answers with its pid
"""

import asyncio
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.options import Options
from deploy.stack.parts import Say, Web
from deploy.stack.plan import Plan
from deploy.stack.snapshot import Snapshot
from deploy.stack.supervisor import Planner, Supervisor


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

    def log_message(self, format: str, *args: object) -> None:
        print(format % args, file=sys.stderr)


def serve(name: str, port: int) -> None:
    if name == "broken":
        sys.exit("VOUCH_KAFKA is not set")
    if name == "deaf":  # ends only when killed
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


def plan_of(services: tuple[str, ...]) -> Planner:
    async def make(options: Options, directory: DataDir, say: Say) -> Plan:
        plan = Plan(options, directory)
        for offset, name in enumerate(services):
            port = options.port + offset
            part = Web(name, port, ["tests.small_stack", "serve", name, str(port)], dict, probe="/", grace=1)
            plan.services.append(part)
        return plan

    return make


def up(directory: str, port: str, *services: str) -> None:
    def show(snapshot: Snapshot) -> None:
        return None

    options = Options(Path(directory), int(port))
    try:
        asyncio.run(Supervisor(options, show, plan_of(services)).run())
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    action, *rest = sys.argv[1:]
    if action == "up":
        up(*rest)
    else:
        serve(rest[0], int(rest[1]))
