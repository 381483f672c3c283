#!/bin/sh
# Back up headbox into a folder, while it runs:
#
#   backup.sh FOLDER
#
# It reads the variables that headbox reads: HEADBOX_DATA_DIR, HEADBOX_DATABASE_URL and HEADBOX_STORAGE_URL. With
# PostgreSQL it needs pg_dump, of the server's version or newer. Run it on the same folder again and again: each run
# adds one file of the database, and the artifacts that are new. What it leaves:
#
#   FOLDER/headbox-<time>.db or .dump   the database of SQLite or PostgreSQL, one for each run
#   FOLDER/secret.key                   what the credentials of remotes are encrypted with
#   FOLDER/artifacts/                   the bytes, named by their digests: shared by all runs, and never changed
set -eu
umask 077

folder=${1:?usage: backup.sh FOLDER}
data=${HEADBOX_DATA_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/headbox}
storage=${HEADBOX_STORAGE_URL:-file://$data/artifacts}
time=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$folder/artifacts"
folder=$(cd "$folder" && pwd)

# The database goes first: its artifacts were stored before it named them, so that the copy of the artifacts has all that
# this copy of the database needs. What a garbage collection or a reclaim takes away meanwhile, nothing had needed for
# long, or a remote has it.
if [ -n "${HEADBOX_DATABASE_URL:-}" ]; then
    database=$folder/headbox-$time.dump
    pg_dump --format=custom --no-owner --no-unlogged-table-data --file="$database.partial" \
        --dbname="$HEADBOX_DATABASE_URL"
else
    database=$folder/headbox-$time.db
    if [ ! -f "$data/headbox.db" ]; then
        echo "There is no database in $data." >&2
        exit 1
    fi
    # SQLite's own online backup: a copy of the file alone would lack what is in the write-ahead log.
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))' \
        "$data/headbox.db" "$database.partial"
fi
mv "$database.partial" "$database"

# It is not there when the key is given as a variable.
[ ! -e "$data/secret.key" ] || cp "$data/secret.key" "$folder/secret.key"

case $storage in
s3://*)
    echo "The artifacts are in a bucket: see to it that the bucket is copied, too." >&2
    rmdir "$folder/artifacts" 2>/dev/null || true
    ;;
*)
    artifacts=$(cd "${storage#file://}" && pwd)
    incoming=$folder/incoming
    rm -rf "$incoming"
    mkdir "$incoming"
    # A copy gets its name when it is whole: an artifact that has a name here is never copied again.
    export LC_ALL=C
    cd "$folder/artifacts"
    find . -path './[0-9a-f][0-9a-f]/*' -type f -fprint "$incoming/kept"
    cd "$artifacts"
    find . -path './[0-9a-f][0-9a-f]/*' -type f -fprint "$incoming/stored"
    sort -o "$incoming/kept" "$incoming/kept"
    sort -o "$incoming/stored" "$incoming/stored"
    comm -13 "$incoming/kept" "$incoming/stored" >"$incoming/new"
    until xargs -r cp --preserve=mode,timestamps --parents --target-directory="$incoming" <"$incoming/new"; do
        # Once more without those that were taken away meanwhile; there are none when it fails for another reason.
        find . -path './[0-9a-f][0-9a-f]/*' -type f -fprint "$incoming/stored"
        sort -o "$incoming/stored" "$incoming/stored"
        comm -12 "$incoming/new" "$incoming/stored" >"$incoming/left"
        ! cmp -s "$incoming/new" "$incoming/left" || exit 1
        mv "$incoming/left" "$incoming/new"
    done
    sync
    for new in "$incoming"/??/; do
        [ -d "$new" ] || continue
        kept=$folder/artifacts/$(basename "$new")
        mkdir -p "$kept"
        find "$new" -type f -exec mv --target-directory="$kept" {} +
    done
    rm -rf "$incoming"
    ;;
esac
sync
echo "$database"
