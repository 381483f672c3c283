#!/bin/sh
# Run headbox, with settings that hold passwords read from files: HEADBOX_DATABASE_URL_FILE names a file that has the
# value of HEADBOX_DATABASE_URL, and so on. (headbox itself reads HEADBOX_SECRET_KEY_FILE.)
set -eu

for name in HEADBOX_DATABASE_URL HEADBOX_REDIS_URL HEADBOX_STORAGE_SECRET_ACCESS_KEY; do
    file=$(printenv "${name}_FILE") || continue
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
exec headbox "$@"
