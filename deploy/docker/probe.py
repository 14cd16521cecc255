"""`python -m deploy.docker.probe URL`: exit code 0 when it answers 200. For health checks in an image without curl."""

import sys
from urllib.error import URLError
from urllib.request import urlopen

if __name__ == "__main__":
    try:
        with urlopen(sys.argv[1], timeout=3) as answer:
            sys.exit(answer.status != 200)
    except (URLError, TimeoutError) as error:
        sys.exit(str(error))
