"""Public names and settings of the code as Markdown, read from signatures and docstrings by griffe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import griffe

FRONT_DOOR = "ckpt_ops"
_WIDTH = 88  # of a signature that stays on one line
_NAME_IN_CODE = re.compile(r"(?<!\[)`([A-Za-z_]\w*)(\(\))?`")


@dataclass(frozen=True, kw_only=True)
class Described:
    """A parameter or field.

    Attributes:
        annotation, default: as they stand in the code; "" where there is none.
        meaning: what the docstring says of it.
    """

    name: str
    annotation: str
    default: str
    meaning: str


class Code:
    """The project's packages, parsed once.

    Args:
        folders: where the packages lie.
        front_door: names that can be imported from `ckpt_ops` itself.
    """

    def __init__(self, folders: Iterable[Path], *, front_door: Iterable[str] = ()) -> None:
        self._loader = griffe.GriffeLoader(
            search_paths=[str(folder) for folder in folders],
            docstring_parser=griffe.Parser.google,
            docstring_options={"warnings": False},
            allow_inspection=False,
        )
        self._front_door = frozenset(front_door)

    def find(self, path: str) -> griffe.Object:
        """The module, class or function with that dotted path.

        Raises:
            KeyError: there is none.
        """
        package, _, rest = path.partition(".")
        if package not in self._loader.modules_collection:
            self._loader.load(package)
            self._loader.resolve_aliases(implicit=True, external=False)
        found: griffe.Object | griffe.Alias = self._loader.modules_collection[package]
        for name in filter(None, rest.split(".")):
            found = found.members[name]
        return found.final_target if isinstance(found, griffe.Alias) else found

    def public(self, package: str) -> dict[str, griffe.Object]:
        """What a package's `__all__` names, or all that a module defines under a public name; sorted."""
        module = self.find(package)
        names = [str(name) for name in module.exports or ()] or [
            name
            for name, member in module.members.items()
            if not name.startswith("_") and not member.is_alias and (member.is_class or member.is_function)
        ]
        found = {name: self.find(f"{package}.{name}") for name in names}
        return dict(sorted(found.items(), key=lambda item: (_rank(item[1]), item[0].lower())))

    def home(self, package: str, name: str) -> str:
        """The package to import the name from."""
        return FRONT_DOOR if name in self._front_door else package


def package_page(code: Code, package: str, links: Mapping[str, str]) -> str:
    """The reference of one package.

    Args:
        links: by public name, the page and anchor that describe it.
    """
    return "\n".join(_package_lines(code, package, links)) + "\n"


def settings_table(code: Code, path: str, links: Mapping[str, str]) -> str:
    """A table of the fields of a class, inherited ones first, or of the parameters of a function."""
    found = code.find(path)
    described = _described(found)
    if isinstance(found, griffe.Class):
        bases = [code.find(str(base.canonical_path)) for base in found.bases if isinstance(base, griffe.Expr)]
        inherited = {one.name: one for base in bases for one in _described(base)}
        own = {
            one.name: replace(one, meaning=inherited[one.name].meaning)
            if one.name in inherited and not one.meaning
            else one
            for one in described
        }
        described = list({**inherited, **own}.values())
    return "\n".join(_table(described, links)) + "\n"


def _package_lines(code: Code, package: str, links: Mapping[str, str]) -> Iterator[str]:
    for name, found in code.public(package).items():
        yield f"## {name}"
        yield ""
        yield f"`from {code.home(package, name)} import {name}`"
        yield ""
        yield from _object_lines(name, found, links)


def _object_lines(name: str, found: griffe.Object, links: Mapping[str, str]) -> Iterator[str]:
    if isinstance(found, griffe.Class | griffe.Function):
        if not (isinstance(found, griffe.Class) and _is_enum(found)):
            yield from ["```python", _signature(name, found), "```", ""]
    elif isinstance(found, griffe.Attribute) and found.value is not None and len(str(found.value)) < _WIDTH:
        yield from ["```python", f"{name} = {found.value}", "```", ""]
    others = {key: link for key, link in links.items() if key != name}
    yield from _docstring_lines(found, others)
    if not isinstance(found, griffe.Class):
        return
    members = [
        one
        for one in found.members.values()
        if isinstance(one, griffe.Attribute) and _is_enum(found) and "property" not in one.labels
    ]
    if members:
        yield from [f"- `{one.name}`{_comment(one)}" for one in members if not one.name.startswith("_")]
        yield ""
    for method in found.members.values():
        shown = not method.name.startswith("_") and method.docstring is not None
        if isinstance(method, griffe.Function) and shown:
            yield from [
                f"### {name}.{method.name}",
                "",
                "```python",
                _signature(method.name, method),
                "```",
                "",
            ]
            yield from _docstring_lines(method, others)
        elif isinstance(method, griffe.Attribute) and shown and "property" in method.labels:
            text = _linked(method.docstring.value if method.docstring else "", others)
            yield from [f"**`{method.name}`** · {text}", ""]


def _docstring_lines(found: griffe.Object, links: Mapping[str, str]) -> Iterator[str]:
    if found.docstring is None:
        return
    for section in found.docstring.parsed:
        match section:
            case griffe.DocstringSectionText():
                yield _linked(section.value, links)
            case griffe.DocstringSectionParameters() | griffe.DocstringSectionAttributes():
                yield from _table(_described(found), links)
            case griffe.DocstringSectionRaises():
                yield from ["**Raises**", ""]
                for one in section.value:
                    error = _linked(f"`{one.annotation}`", links)
                    yield f"- {error}: {_linked(_flat(one.description), links)}"
            case griffe.DocstringSectionReturns() | griffe.DocstringSectionYields():
                text = " ".join(_flat(one.description) for one in section.value)
                yield f"**Returns** {_linked(text, links)}"
            case griffe.DocstringSectionAdmonition():
                yield f"**{section.title}** {_linked(str(section.value.description), links)}"
            case griffe.DocstringSectionExamples():
                yield from [text for _, text in section.value]
        yield ""


def _described(found: griffe.Object) -> list[Described]:
    """What the docstring lists, with types and defaults of the code; all parameters of a function."""
    meanings = {}
    for section in found.docstring.parsed if found.docstring else ():
        if isinstance(section, griffe.DocstringSectionParameters | griffe.DocstringSectionAttributes):
            meanings.update({one.name: _flat(one.description) for one in section.value})
    parameters = list(found.parameters) if isinstance(found, griffe.Class | griffe.Function) else []
    code = {one.name.lstrip("*"): one for one in parameters if one.name != "self"}
    # the docstring may name two in one line, as "seconds, metrics: the snapshot's"
    meanings = {part.strip(): text for names, text in meanings.items() for part in names.split(",")}
    names = [name for name in code if not name.startswith("_")]
    names += [name for name in meanings if name not in code]
    return [
        Described(
            name=name,
            annotation=str(code[name].annotation or "") if name in code else "",
            default=_default(code[name]) if name in code else "",
            meaning=meanings.get(name, ""),
        )
        for name in names
    ]


def _default(parameter: griffe.Parameter) -> str:
    """The default as a person would write it: of a factory, what it makes."""
    text = "" if parameter.default is None else str(parameter.default)
    if parameter.kind in (griffe.ParameterKind.var_keyword, griffe.ParameterKind.var_positional):
        return ""
    made = re.fullmatch(r"\(lambda: (.*)\)\(\)", text, re.DOTALL)
    return made[1] if made else {"dict()": "{}", "list()": "[]", "tuple()": "()"}.get(text, text)


def _table(described: Iterable[Described], links: Mapping[str, str]) -> Iterator[str]:
    rows = list(described)
    if not rows:
        return
    yield "| name | type | default | |"
    yield "|---|---|---|---|"
    for one in rows:
        cells = [one.annotation, one.default]
        code = [f"`{_cell(text)}`" if text else "" for text in cells]
        yield f"| `{one.name}` | {code[0]} | {code[1]} | {_linked(_cell(one.meaning), links)} |"
    yield ""


def _signature(name: str, found: griffe.Class | griffe.Function) -> str:
    parts, star = [], False
    for one in found.parameters:
        if one.name in ("self", "cls"):
            continue
        if one.kind is griffe.ParameterKind.keyword_only and not star:
            parts.append("*")
            star = True
        mark = {griffe.ParameterKind.var_keyword: "**", griffe.ParameterKind.var_positional: "*"}.get(
            one.kind, ""
        )
        star = star or mark == "*"
        default = _default(one)
        kind = f": {one.annotation}" if one.annotation else ""
        equals = f" = {default}" if default and kind else f"={default}" if default else ""
        parts.append(f"{mark}{one.name}{kind}{equals}")
    result = f" -> {found.returns}" if isinstance(found, griffe.Function) and found.returns else ""
    short = f"{name}({', '.join(parts)}){result}"
    if len(short) <= _WIDTH or not parts:
        return short
    return "\n".join([f"{name}(", *[f"    {part}," for part in parts], f"){result}"])


def _linked(text: str, links: Mapping[str, str]) -> str:
    """The text, with a link on each code span that is a public name."""

    def link(match: re.Match[str]) -> str:
        return f"[{match[0]}]({links[match[1]]})" if match[1] in links else match[0]

    return _NAME_IN_CODE.sub(link, text)


def _rank(found: griffe.Object) -> int:
    return 0 if found.is_class else 1 if found.is_function else 2


def _is_enum(found: griffe.Class) -> bool:
    return any(str(base).rpartition(".")[2] in ("Enum", "StrEnum") for base in found.bases)


def _comment(one: griffe.Attribute) -> str:
    """The comment behind a member of an enum."""
    line = one.source.splitlines()[0] if one.source else ""
    comment = line.partition("  # ")[2].strip()
    return f": {comment}" if comment else ""


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")
