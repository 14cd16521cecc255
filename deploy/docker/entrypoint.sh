#!/bin/sh
# Runs a module of Vouch: `services.gateway`, `deploy.devstore --port 8010`, …
# A variable NAME_FILE gives NAME the content of that file, so that secrets can come from mounted files.
set -eu
for variable in $(env | sed -n 's/^\(VOUCH_[A-Z0-9_]*\)_FILE=.*/\1/p'); do
  eval "file=\$${variable}_FILE"
  value=$(cat "$file") || { echo "$variable: $file can't be read" >&2; exit 1; }
  export "$variable=$value"
  unset "${variable}_FILE"
done
exec python -m "$@"
