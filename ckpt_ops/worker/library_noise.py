"""Lines of TensorFlow's C++ code: they stay in the log file of their process and out of Airflow's task logs.

Without a GPU each process begins with lines such as "failed call to cuInit", marked E for error, about which
nobody has to do anything. What really stops a training is raised, or is in the last lines of the file, which
the error of a process that died shows. Fatal lines (F) are not noise.
"""

from __future__ import annotations

import re

_PREFIXES = (
    # 2026-01-31 12:00:00.123456: E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] ...
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] \S+:\d+\] ",
    # E0131 12:00:00.123456   12345 cuda_executor.cc:1228] ..., or E0000 00:00:1769860800.123456 at first
    r"[IWE]\d{4} \d\d:\d\d:[\d.]+ +\d+ \S+:\d+\] ",
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    r"To enable the following instructions: .* rebuild TensorFlow with the appropriate compiler flags",
)
_NOISE = re.compile("|".join(_PREFIXES))


def is_noise(line: str) -> bool:
    """Whether a line of a process's output is for TensorFlow's developers."""
    return _NOISE.match(line) is not None
