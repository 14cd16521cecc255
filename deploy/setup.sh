#!/usr/bin/env bash
# Makes .venv with exactly the locked dependencies and the `vouch` command. A second run takes a moment.
#
#   PYTHON=/path/to/python3.12 deploy/setup.sh     to choose the interpreter
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
fail() { printf '\033[31m%s\033[0m\n' "$*" >&2; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
  if command -v "$candidate" >/dev/null && new_enough "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "Vouch needs Python 3.11 or newer; found $(${PYTHON:-python3} --version 2>&1 || true).
Install one, or name it: make setup PYTHON=/path/to/python3.12"

wanted="$("$python" --version) $(cat requirements.lock deploy/uv.lock pyproject.toml deploy/setup.sh | "$python" -c \
  'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"
stamp=.venv/.vouch-setup
if [ -x .venv/bin/vouch ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

if ! new_enough .venv/bin/python; then
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv || fail "$python can't make a virtual environment. On Debian and Ubuntu: apt install python3-venv"
fi
rm -f "$stamp"
say "installing locked dependencies (a few minutes the first time, from the cache later)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/uv.lock
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
printf '%s' "$wanted" > "$stamp"
say "ready: .venv/bin/vouch"
