"""How a plan looks: plain values in, HTML out. Jinja escapes every value that it puts into the page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, StrictUndefined

from ckpt_ops.html import Html, page
from ckpt_ops.rebase.view import anchor_message, estimate_message, fork_message
from ckpt_ops_airflow.intervals import Range
from ckpt_ops_airflow.links import in_the_ui, on_this_host

View = dict[str, Any]

ACTIONS = {
    "append": "train on it, with what is pending before it",
    "late": "train on it, though newer slices were consumed before it",
    "skip": "do nothing with it",
    "shadow": "not train: a candidate is evaluated on the slices after it, or settled after the last",
    "hold": "stop, until a person decides",
    "fork": "stop: the history has to fork, which a rebase does",
    "missing": "find nothing: it is not at the source",
}
"""What a run would do, in the order in which they are counted."""

_body, _style, _script = (
    Path(__file__).with_suffix(end).read_text(encoding="utf-8") for end in (".html", ".css", ".js")
)
_template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_body)


def render(model: str, found: View, range_: Range, *, rebase: str | None, token: str, nonce: str) -> str:
    """The page.

    Args:
        found: what `planning.plans` returns.
        rebase: id of the model's rebase DAG; None: there is none.
        token: what the forms carry.
        nonce: of the style and the script.
    """
    first, last = range_.as_asked
    body = _template.render(
        model=model,
        found=found,
        first=first,
        last=last,
        kind="datetime-local" if range_.by_time else "date",
        earlier=_query(range_.earlier),
        later=_query(range_.later),
        known=range_.expected is not None,
        timezone=range_.timezone,
        actions=ACTIONS,
        counted=Counter(one["action"] for one in found["slices"] or ()),
        here=on_this_host("").rstrip("/"),
        rebase=rebase and {"dag_id": rebase, "href": in_the_ui(f"dags/{rebase}")},
        token=token,
        nonce=nonce,
        script=_script,
        **(_due(found["rebase"]) if found["rebase"] else {}),
    )
    return page(f"{model}: backfill plan", Html(body), style=_style, nonce=nonce)


def _query(ends: tuple[str, str]) -> str:
    return urlencode(dict(zip(("from", "to"), ends, strict=True)))


def _due(view: View) -> View:
    """The rebase as text, with a row for each change and for each step that is trained again."""
    return {
        "changes": [
            (one["key"], one["what"], one["was"] or "never", one["now"] or "nothing", one["why"])
            for one in view["changes"]
        ],
        "steps": [
            (
                number,
                ", ".join(ref["key"] for ref in step["slices"]),
                f"{step['rows']:,}",
                f"version {step['stands_for']}" if step["stands_for"] else "(late)",
                f"trained, version {step['done_by']}" if step["done_by"] else "to train",
            )
            for number, step in enumerate(view["replay"], start=1)
        ],
        "fork": _sentence(fork_message(view)),
        "estimate": estimate_message(view),
        "anchor": _sentence(anchor_message(view)) if view["anchor_cost"]["candidates"] else "",
    }


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
