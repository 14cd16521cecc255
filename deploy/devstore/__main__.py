"""`python -m deploy.devstore --port P --data FILE --gateway URL`."""

import argparse
from pathlib import Path

import uvicorn

from deploy.devstore.app import build
from deploy.devstore.world import Settings


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m deploy.devstore", description="A local Shopify for development and tests."
    )
    made.add_argument("--port", type=int, default=8010)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--data", default="devstore.sqlite", help="SQLite file that keeps everything")
    made.add_argument(
        "--gateway", default="http://127.0.0.1:8000", help="where the app listens (proxy, compliance webhooks)"
    )
    made.add_argument("--public-url", help="where browsers reach the dev store; default http://HOST:PORT")
    made.add_argument("--usage-lag", type=float, default=2.0, help="seconds until asyncUsageCount sees a use")
    return made


def main() -> None:
    """Serve until told to stop."""
    args = parser().parse_args()
    Path(args.data).parent.mkdir(parents=True, exist_ok=True)
    public = args.public_url or f"http://{args.host}:{args.port}"
    settings = Settings(args.data, args.gateway.rstrip("/"), public.rstrip("/"), args.usage_lag)
    uvicorn.run(
        build(settings),
        host=args.host,
        port=args.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
