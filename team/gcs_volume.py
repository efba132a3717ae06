"""The volume of the stack's own GCS server: packed, unpacked beside what is there, and swapped in one step.

The server reads `objects`, a link to the current one of two folders. Backups of earlier versions hold an
object's attributes in an extended attribute of its file.
"""

from __future__ import annotations

VOLUME = "/opt/airflow/gcs"

_OTHER = """set -e
cd "$1"
other=a
[ "$(readlink objects)" != a ] || other=b
"""

PACK = """cd "$1"/objects && exec tar --create --xattrs --xattrs-include='user.*' --file=- ."""

UNPACK = f"""{_OTHER}
rm -rf "$other"
mkdir "$other"
tar --extract --xattrs --xattrs-include='user.*' --file=- --directory="$other"
"""

SWAP = f"""{_OTHER}
ln -sfn "$other" next
mv -T next objects
"""

FORGET = f"""{_OTHER}
rm -rf "$other"
"""


def script(text: str) -> tuple[str, ...]:
    """What Compose is told to run a script beside the volume, while the server is stopped."""
    return ("run", "--rm", "-T", "--no-deps", "--entrypoint", "bash", "gcs", "-c", text, "bash", VOLUME)
