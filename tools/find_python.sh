#!/bin/sh
# Print the first interpreter on PATH that headbox can run on (Python 3.11 or newer), or say what to install.
#
# The version is asked of each candidate, because a name proves nothing: `python3` may be older, and a
# version manager's shim may be there for a Python that is not.
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo "headbox needs Python 3.11 or newer, and found none on PATH." >&2
echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Elsewhere: make setup PYTHON=/path/to/python3" >&2
exit 1
