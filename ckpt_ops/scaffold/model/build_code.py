"""`build_model()` of `model.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.scaffold.layout import WIDTH
from ckpt_ops.scaffold.model.constants_code import renamed_of
from ckpt_ops.scaffold.model.features import Becomes, Feature, by_kind
from ckpt_ops.scaffold.model.label import Target, Task
from ckpt_ops.scaffold.model.shapes import adapts, is_large, vocabularies_of

_LOSSES = {
    Task.BINARY: "binary_crossentropy",
    Task.CLASSES: "sparse_categorical_crossentropy",
    Task.NUMBER: "mse",
    Task.RANKING: "mse",
}
_EMBEDDED = """def _embedded(lookup: Any, column: Any, name: str, width: int) -> Any:
    rows = lookup.layer(name=f"{name}_rows")(column)
    return keras.layers.Embedding(lookup.rows, width, name=f"{name}_embedding")(rows)
"""


def build_code(name: str, target: Target, features: Sequence[Feature], output: str) -> list[str]:
    """The function, and one that it needs for categories.

    Args:
        output: the name of the output's layer.
    """
    wanted = by_kind(features)
    of_vocabulary = bool(vocabularies_of(features))
    given = [
        *(["vocabularies: Mapping[str, Any]"] if of_vocabulary else []),
        *(["adapted: Mapping[str, Any]"] if adapts(target, features) else []),
    ]
    lines = [
        f"def build_model({', '.join(given)}) -> keras.Model:",
        f'    """{_about(features)}"""',
        "    columns: dict[str, Any] = {}",
        "    parts: list[Any] = []",
        *_numbers(wanted),
        *_categories(wanted, renamed=bool(renamed_of(features))),
        *_times(wanted),
        '    hidden = keras.layers.Concatenate(name="features")(parts)',
        '    hidden = keras.layers.Dense(64, activation="relu", name="hidden_1")(hidden)',
        '    hidden = keras.layers.Dropout(0.1, name="dropout")(hidden)',
        '    hidden = keras.layers.Dense(32, activation="relu", name="hidden_2")(hidden)',
        *_output(target, output),
        f'    model = keras.Model(columns, predicted, name="{name}")',
        *_compile(target, features),
        "    return model",
    ]
    return ["\n".join(lines) + "\n", *([_EMBEDDED] if of_vocabulary else [])]


def _about(features: Sequence[Feature]) -> str:
    wanted = by_kind(features)
    numbers = wanted[Becomes.NUMBER] or wanted[Becomes.DAYS]
    embedded = len(vocabularies_of(features)) + len(wanted[Becomes.HOUR]) + len(wanted[Becomes.WEEKDAY])
    kinds = [*(["scaled numbers"] if numbers else []), *(["embeddings"] if embedded else [])]
    text = " and ".join(kinds) + ", two dense layers; Adam."
    return text[0].upper() + text[1:]


def _numbers(wanted: dict[Becomes, list[Feature]]) -> list[str]:
    names = [
        *(["NUMBERS"] if wanted[Becomes.NUMBER] else []),
        *(["DAYS"] if wanted[Becomes.DAYS] else []),
    ]
    if not names:
        return []
    every = names[0] if len(names) == 1 else "[*NUMBERS, *DAYS]"
    return [
        f"    for name in {every}:",
        '        columns[name] = keras.Input((), dtype="float32", name=name)',
        '        column = keras.layers.Reshape((1,), name=f"{name}_column")(columns[name])',
        "        mean, variance = adapted[name].tolist()",
        '        scaled = keras.layers.Normalization(mean=mean, variance=variance, name=f"{name}_scaled")',
        "        parts.append(scaled(column))",
    ]


def _categories(wanted: dict[Becomes, list[Feature]], *, renamed: bool) -> list[str]:
    lines = []
    lookup = "vocabularies[COLUMNS.get(name, name)]" if renamed else "vocabularies[name]"
    for kind, names, dtype in ((Becomes.CATEGORY, "TEXTS", "string"), (Becomes.CODE, "CODES", "int64")):
        if wanted[kind]:
            lines += [
                f"    for name, width in {names}.items():",
                f'        columns[name] = keras.Input((), dtype="{dtype}", name=name)',
                f"        parts.append(_embedded({lookup}, columns[name], name, width))",
            ]
    return lines


def _times(wanted: dict[Becomes, list[Feature]]) -> list[str]:
    lines = []
    weekdays = wanted[Becomes.HOUR] or wanted[Becomes.WEEKDAY]
    for used, names, part, size, width in (
        (wanted[Becomes.HOUR], "HOURS", "hour", 25, 4),
        (weekdays, "WEEKDAYS", "weekday", 8, 2),
    ):
        if used:
            lines += [
                f'    for name in (f"{{column}}_{part}" for column in {names}):',
                '        columns[name] = keras.Input((), dtype="int64", name=name)',
                f'        part = keras.layers.Embedding({size}, {width}, name=f"{{name}}_embedding")  # the '
                "last is: missing",
                "        parts.append(part(columns[name]))",
            ]
    return lines


def _output(target: Target, output: str) -> list[str]:
    dense = "    predicted = keras.layers.Dense"
    match target.task:
        case Task.BINARY:
            return [f'{dense}(1, activation="sigmoid", name="{output}")(hidden)']
        case Task.CLASSES:
            return [f'{dense}(len(CLASSES), activation="softmax", name="{output}")(hidden)']
        case Task.RANKING:
            return [f'{dense}(1, name="{output}")(hidden)']
        case Task.NUMBER:
            return [
                f'    standard = keras.layers.Dense(1, name="{output}_standard")(hidden)',
                "    mean, variance = adapted[LABEL].tolist()",
                f'    units = keras.layers.Rescaling(variance**0.5, offset=mean, name="{output}")',
                "    predicted = units(standard)",
            ]


def _compile(target: Target, features: Sequence[Feature]) -> list[str]:
    arguments = f'optimizer={_optimizer(features)}, loss="{_LOSSES[target.task]}", jit_compile=False'
    line = f"    model.compile({arguments})"
    return [line] if len(line) <= WIDTH else ["    model.compile(", f"        {arguments}", "    )"]


def _optimizer(features: Sequence[Feature]) -> str:
    return "LazyAdam(1e-3)" if is_large(features) else "keras.optimizers.Adam(1e-3)"
