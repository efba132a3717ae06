"""Importing TensorFlow and Keras without what no training, prediction or export needs of them.

Keras imports matplotlib and scikit-learn where they are installed, for its galleries of images and its
wrappers, and TensorFlow imports Keras: a third of the time, in every process that trains. Of the rest, a
quarter goes into searches for garbage among modules that stay.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ckpt_ops.lasting_import import lasting_import

_OPTIONAL = ("matplotlib", "sklearn")


@contextmanager
def light_import() -> Iterator[None]:
    """While a block runs, which imports Keras or TensorFlow, those two libraries cannot be found.

    After it they can be imported as usual. `keras.visualization` and `keras.wrappers` then say that they are
    missing. Where they or Keras were imported before, nothing is changed.

    No search for garbage goes on meanwhile, nor later through what was imported.
    """
    if "keras" in sys.modules:
        yield
        return
    hidden = [name for name in _OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python's mark for "not there"
    try:
        with lasting_import():
            yield
    finally:
        for name in hidden:
            if sys.modules.get(name) is None:
                sys.modules.pop(name, None)
