#!/bin/sh
# Make the secrets of a new installation: docker/secrets/, once. What is there stays.
#
# The folder is for its owner alone. The files in it can be read by others, who do not get there: containers see each of
# them by itself, as users of their own.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)/secrets
mkdir -p "$folder"
chmod 0700 "$folder"
cd "$folder"

# 32 random bytes, as URL-safe Base64.
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }
write() {
    # Whole, or not at all.
    cat >"$1.new"
    chmod 0444 "$1.new"
    mv "$1.new" "$1"
}

[ -e secret_key ] || random | write secret_key
[ -e postgres_password ] || random | tr -d '=' | write postgres_password
[ -e database_url ] || echo "postgres://headbox:$(cat postgres_password)@postgres:5432/headbox" | write database_url
