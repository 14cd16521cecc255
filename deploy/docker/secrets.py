"""`python -m deploy.docker.secrets DIRECTORY [SCRAPE]`: makes the installation's secrets once, as files.

DIRECTORY gets master_key and operator_token; SCRAPE a copy of the token that Prometheus may read. Existing ones stay.
Whoever runs Vouch for real mounts secrets of their own instead.
"""

import base64
import secrets
import sys
from pathlib import Path

from deploy.stack.processes import write_atomically


def main(directory: Path, scrape: Path | None) -> None:
    token = _once(directory / "operator_token", secrets.token_urlsafe(32), 0o400)
    _once(directory / "master_key", base64.b64encode(secrets.token_bytes(32)).decode(), 0o400)
    if scrape:
        write_atomically(scrape / "token", token, mode=0o444)


def _once(file: Path, value: str, mode: int) -> str:
    if not file.exists():
        write_atomically(file, value, mode=mode)
    return file.read_text()


if __name__ == "__main__":
    folders = [Path(argument) for argument in sys.argv[1:]]
    main(folders[0], folders[1] if len(folders) > 1 else None)
