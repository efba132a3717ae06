"""Error messages of libraries in one line, of bounded length and without anybody's data.

TensorFlow and Keras print the tensors of a call into their errors, and so the rows of a slice, around one
sentence that says what is wrong. Verdicts, records and logs keep only that sentence.

Data is recognised by how it is printed: arrays, contents of tensors, bytes, fractions, a value that could not
be converted, an index that is out of bounds. Names, shapes and dtypes stay.
"""

from __future__ import annotations

import re
import traceback

from ckpt_ops.errors import CkptOpsError

LONGEST = 500
_LEFT_OUT = "..."

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BEHIND = re.compile(
    r"(?:Call arguments|Arguments) received by|\.? Received args:|Trackable Python objects referring|"
    r"Received: .*?\bnumpy=|\[Op:|\[\[\{\{node"
)
_NO_SENTENCE = re.compile(
    r"Graph execution error:|Exception encountered when calling|Detected at node|File \"|<stack traces|"
    r"Traceback|\d+ root error|\(\d+\) [A-Z]\w+:?$|[\[\](){}.,\s]*$"
)
_SHAPE = re.compile(r"\[(?:(?:\d+|\?)(?:,(?:\d+|\?))*)?\]")  # as TensorFlow prints it: without spaces
_NO_DATA = re.compile(r"\[-?\d+, ?-?\d+\)|\[Errno \d+\]")  # bounds, and errors of the system
_NAMES = re.compile(r"(?:\bkeys|\bnames|\bshapes?|\bshape=)\s*[:=]?\s*$")
_DATA = (
    (re.compile(r"""(?<!['"\w])b(['"]).*?(?<!\\)\1"""), _LEFT_OUT),
    (re.compile(r"""\bnp\.\w+_?\((?:'[^']*'|"[^"]*"|[^()]*)\)"""), _LEFT_OUT),
    (re.compile(r"numpy=(?!\.\.\.|array)[^\s>]*"), f"numpy={_LEFT_OUT}"),
    (re.compile(r"\b0x[0-9a-f]{6,}"), _LEFT_OUT),
    (re.compile(r"(\w\[[\d, ]*\]) = \S+"), rf"\1 = {_LEFT_OUT}"),
    (re.compile(r"""(\b(?:convert|parse)(?: \w+)*:?) (['"]).*?\2"""), rf"\1 {_LEFT_OUT}"),
    (re.compile(r"(\bconvert(?: \w+)*: ?)\S.*", re.DOTALL), rf"\1{_LEFT_OUT}"),
    (
        re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+)(?![\w.]*\w)", re.IGNORECASE),
        _LEFT_OUT,
    ),
)


def in_short(error: BaseException, *, longest: int = LONGEST) -> str:
    """Class and message, see `short`: `InvalidArgumentError: indices[0] = ... is not in [0, 8)`.

    For an error of ckpt_ops, what happened, without the class.
    """
    if isinstance(error, CkptOpsError):
        return short(error.what, longest=longest)
    kind, message = f"{type(error).__name__}: ", _sentence(str(error))
    return short(message if message.startswith(kind) else kind + message, longest=longest)


def short(text: str, *, longest: int = LONGEST) -> str:
    """`text` in one line of at most `longest` characters, without data."""
    line = " ".join(_without_data(_COLOURS.sub("", text)).split())
    return line if len(line) <= longest else f"{line[: longest - len(_LEFT_OUT) - 1]} {_LEFT_OUT}"


def where(error: BaseException) -> str:
    """The lines of code that an error went through, without its message."""
    return "".join(traceback.format_tb(error.__traceback__))


def _sentence(text: str) -> str:
    """The first paragraph of the message itself, without what a library prints around it."""
    text = _COLOURS.sub("", text)
    if behind := _BEHIND.search(text, 1):
        text = text[: behind.start()]
    if "in user code:" in text:  # a traced function prints the way there first, and last what was raised
        text = text.strip().rpartition("\n\n")[2]
    text = _without_data(text)
    kept: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        if _NO_SENTENCE.match(line):
            if kept and not kept[-1].endswith(":"):
                break
            continue
        kept.append(re.sub(r"\{\{function_node [^}]*\}\}\s*", "", line))
    return " ".join(kept) or _LEFT_OUT


def _without_data(text: str) -> str:
    text = _without_brackets(text)
    for pattern, instead in _DATA:
        text = pattern.sub(instead, text)
    return text


def _without_brackets(text: str) -> str:
    """The text without what is in square brackets, except shapes, bounds and lists of names."""
    kept: list[str] = []
    at = 0
    while (opens := text.find("[", at)) >= 0:
        before = text[at:opens]
        kept.append(before)
        if plain := _SHAPE.match(text, opens) or _NO_DATA.match(text, opens):
            kept.append(plain[0])
            at = plain.end()
            continue
        at = _closes(text, opens)
        names = _NAMES.search("".join(kept)[-40:])
        kept.append(text[opens:at] if names else f"[{_LEFT_OUT}]")
    return "".join(kept) + text[at:]


def _closes(text: str, opens: int) -> int:
    """The position after the bracket that closes the one at `opens`; the end of the text if none does."""
    depth = 0
    for at in range(opens, len(text)):
        depth += {"[": 1, "]": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return len(text)
