#!/bin/sh
# Restore what backup.sh left, into an installation that has nothing yet:
#
#   restore.sh FOLDER [DATABASE]
#
# DATABASE is one of the files headbox-<time>.db or .dump in FOLDER; without it, the newest is taken. The variables say
# where to: HEADBOX_DATA_DIR, HEADBOX_STORAGE_URL, and HEADBOX_DATABASE_URL, which then names an empty database. At the
# end every artifact is compared with its digest. Start nothing of headbox before this has ended with 0.
set -eu

folder=${1:?usage: restore.sh FOLDER [DATABASE]}
data=${HEADBOX_DATA_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/headbox}
storage=${HEADBOX_STORAGE_URL:-file://$data/artifacts}
if [ -n "${HEADBOX_DATABASE_URL:-}" ]; then kind=dump; else kind=db; fi
# Their names are times, so the last one in order is the newest.
database=${2:-$(find "$folder" -maxdepth 1 -name "headbox-*.$kind" | LC_ALL=C sort | tail -n 1)}
if [ ! -f "$database" ]; then
    echo "There is no database headbox-*.$kind in $folder." >&2
    exit 1
fi
if [ "$kind" = db ] && [ -e "$data/headbox.db" ]; then
    echo "There is a database in $data. Name another folder by HEADBOX_DATA_DIR." >&2
    exit 1
fi
if [ -e "$data/secret.key" ] && ! cmp -s "$folder/secret.key" "$data/secret.key"; then
    echo "The folder $data has the key of another installation. Name another folder by HEADBOX_DATA_DIR." >&2
    exit 1
fi

[ -d "$data" ] || install -d -m 0700 "$data"
[ ! -e "$folder/secret.key" ] || install -m 0600 "$folder/secret.key" "$data/secret.key"
case $storage in
s3://*) ;;
*)
    artifacts=${storage#file://}
    mkdir -p "$artifacts"
    # A backup is for its owner alone; the artifacts are for a proxy, too, where it sends them.
    cp --recursive --no-preserve=mode --preserve=timestamps "$folder/artifacts/." "$artifacts"
    ;;
esac

# Last, and whole or not at all: a restore that broke off can be tried again.
if [ "$kind" = dump ]; then
    pg_restore --single-transaction --no-owner --dbname="$HEADBOX_DATABASE_URL" "$database"
else
    install -m 0600 "$database" "$data/headbox.db.partial"
    mv "$data/headbox.db.partial" "$data/headbox.db"
fi
sync

# The backup may be of an older release.
headbox migrate
headbox verify
