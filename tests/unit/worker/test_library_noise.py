"""The lines that TensorFlow's C++ code prints, and those that a person or the pipeline's code does."""

from __future__ import annotations

import pytest

from ckpt_ops.worker.library_noise import is_noise

NOISE = "\n".join(
    (
        "2026-01-31 12:00:00.123456: E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] "
        "failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)",
        "2026-01-31 12:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This is fast",
        "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the "
        "appropriate compiler flags.",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "E0000 00:00:1769860800.123456   12345 cuda_executor.cc:1228] INTERNAL: CUDA Runtime error",
        "W0131 12:00:00.123456   12345 gpu_device.cc:2341] Cannot dlopen some GPU libraries.",
    )
)

HEARD = """\
step 50 of 400: loss 0.4312
2026-01-31 the first day of the slice
WARNING: rows without a label are dropped
E1 is the name of a column
2026-01-31 12:00:00.123456: F tensorflow/core/platform/default/env.cc:74] Check failed: ret == 0"""


@pytest.mark.parametrize("line", NOISE.splitlines())
def test_what_the_library_prints_is_noise(line: str) -> None:
    assert is_noise(line)


@pytest.mark.parametrize("line", HEARD.splitlines())
def test_what_a_person_printed_and_what_is_fatal_is_not(line: str) -> None:
    assert not is_noise(line)
