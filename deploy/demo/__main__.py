"""`python -m deploy.demo --data-dir DIR --gateway URL --devstore URL --devnet URL`: seeds a running installation.

VOUCH_OPERATOR_TOKEN opens the operator API. VOUCH_MONGO_URI and VOUCH_KAFKA are only passed on into vouch.json.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from deploy.demo import Place, seed
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError


def place() -> Place:
    """From the command line and the environment."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    for name in ("gateway", "devstore", "devnet"):
        parser.add_argument(f"--{name}", required=True, metavar="URL")
    asked = parser.parse_args()
    return Place(
        directory=DataDir.named(asked.data_dir),
        operator_token=os.environ["VOUCH_OPERATOR_TOKEN"],
        gateway_url=asked.gateway,
        devstore_url=asked.devstore,
        devnet_url=asked.devnet,
        mongo_uri=os.environ.get("VOUCH_MONGO_URI", ""),
        kafka=os.environ.get("VOUCH_KAFKA", ""),
    )


def main() -> None:
    try:
        asyncio.run(seed(place(), lambda text: print(text, file=sys.stderr)))
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
