"""`python -m deploy.traffic`: a few events a minute against the demo that VOUCH_DEMO (a vouch.json) describes.

VOUCH_TRAFFIC_SEED (default 7) repeats a run; VOUCH_TRAFFIC_PER_MINUTE (default 6) sets the pace.
"""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from deploy.stack.errors import StackError
from deploy.traffic.world import Crowd

HAPPENINGS = {"someone_posts": 45, "someone_buys": 30, "someone_sends_back": 6, "marketer_decides": 19}


async def live(crowd: Crowd, per_minute: float) -> None:
    """For ever: something happens, then a pause of random length."""
    await happen(crowd, "someone_posts")
    while True:
        await asyncio.sleep(crowd.chance.expovariate(per_minute / 60))
        await happen(crowd, crowd.chance.choices([*HAPPENINGS], [*HAPPENINGS.values()])[0])


async def happen(crowd: Crowd, name: str) -> None:
    """Do it and say so. What fails is said as well; life goes on."""
    try:
        print(await getattr(crowd, name)(), file=sys.stderr, flush=True)
    except (StackError, aiohttp.ClientError, TimeoutError) as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)


async def main(facts: dict[str, Any]) -> None:
    chance = random.Random(int(os.environ.get("VOUCH_TRAFFIC_SEED", "7")))
    pace = float(os.environ.get("VOUCH_TRAFFIC_PER_MINUTE", "6"))
    async with aiohttp.ClientSession() as http:
        task = asyncio.create_task(live(Crowd(facts, http, chance), pace))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(os.environ["VOUCH_DEMO"]).read_text())))
