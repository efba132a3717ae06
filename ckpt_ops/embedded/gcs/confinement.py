"""What the server gives up before it takes a connection: root, and every file but its own.

The second is Linux's Landlock: from then on the kernel refuses this process every file outside its folder
and every new connection, whatever a request makes of it. On a kernel without it (before 5.13) the server
runs as well: names of objects never become paths.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all processors
_ABI_VERSION, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
# kinds of file access by version of the interface: 13 at first, then one more at a time
_FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_BIND_AND_CONNECT = 0b11


def become(user: pwd.struct_passwd, folder: Path) -> None:
    """Give the folder and all in it to `user`, and go on as that user for good."""
    if folder.stat().st_uid != user.pw_uid:
        for directory, _, files in os.walk(folder, topdown=False):  # the folder itself comes last
            for path in (*(Path(directory) / name for name in files), Path(directory)):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def confine(folder: Path) -> bool:
    """From now on this thread, and all it starts, opens no file outside `folder` and no connection.

    Returns:
        Whether the kernel can do it.
    """
    kernel = ctypes.CDLL(None, use_errno=True)
    version = kernel.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ABI_VERSION)
    if version < 1:
        return False
    files = (1 << _FILE_ACCESSES.get(version, 16)) - 1
    rules = struct.pack("=QQ", files, _TCP_BIND_AND_CONNECT) if version >= 4 else struct.pack("=Q", files)
    ruleset = kernel.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        beneath = struct.pack("=Qi", files, directory)
        done = (
            ruleset >= 0
            and kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, beneath, 0) == 0
            and kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
            and kernel.syscall(_RESTRICT_SELF, ruleset, 0) == 0
        )
    finally:
        os.close(directory)
        if ruleset >= 0:
            os.close(ruleset)
    if not done:
        raise OSError(ctypes.get_errno(), "Landlock refused")
    return True
