"""`python -m deploy.devnet --port P [--host H] [--data-dir DIR]`."""

import argparse
from pathlib import Path

import uvicorn

from deploy.devnet.app import build_app
from deploy.devnet.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.devnet", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, help="keeps threads, connections and faults over restarts")
    options = parser.parse_args()
    if options.data_dir is not None:
        options.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(str(options.data_dir / "devnet.sqlite3") if options.data_dir else ":memory:")
    # A call that "never answers" must not hold the server when it is told to end.
    uvicorn.run(
        build_app(store), host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()
