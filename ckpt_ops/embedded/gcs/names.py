"""Which names buckets and objects may have.

Google's rules, and one more for objects: no segment is `.` or `..`. Names never become paths here, but
whoever copies a bucket into a directory makes paths of them.

Source: https://docs.cloud.google.com/storage/docs/objects#naming
"""

from __future__ import annotations

import re

from ckpt_ops.embedded.gcs.refusals import invalid

LONGEST_BYTES = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def bucket_name(name: object) -> str:
    """The name, if a bucket may have it.

    Raises:
        Refused: 400.
    """
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or ".." in name:
        raise invalid(
            "a bucket's name has 3 to 222 characters of a-z, 0-9, '-', '_' and '.', "
            "and begins and ends with a letter or digit"
        )
    return name


def object_name(name: object) -> str:
    """The name, if an object may have it.

    Raises:
        Refused: 400.
    """
    if not isinstance(name, str) or not name:
        raise invalid("an object needs a name")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise invalid("an object's name is UTF-8") from None
    if length > LONGEST_BYTES:
        raise invalid(f"an object's name has at most {LONGEST_BYTES} bytes")
    if "\r" in name or "\n" in name or name.startswith(".well-known/acme-challenge/"):
        raise invalid(
            "an object's name holds no line end, and does not begin with .well-known/acme-challenge/"
        )
    if {".", ".."} & set(name.split("/")):
        raise invalid("an object's name has no segment '.' or '..'")
    return name
