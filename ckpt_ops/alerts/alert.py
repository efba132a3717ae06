"""One alert, and its text: what happened, what is safe, what to do next, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ckpt_ops.html import Html, element, stacked
from ckpt_ops.printable import one_line, shortened
from ckpt_ops.views.shapes import Wants

LONGEST_TITLE = 150
_LONGEST = 2_000

SAFE: Mapping[Wants, str] = {
    Wants.UNREADABLE: "nothing was changed; the version in production serves on",
    Wants.ON_HOLD: "the version in production serves on; slices are pulled and validated, and wait",
    Wants.TAINTED: "nothing is built on it; it serves on until a rebase or a rollback",
    Wants.BELOW_FLOOR: "it serves on; candidates are trained and evaluated as before",
    Wants.STALE: "the version in production serves on",
    Wants.APPROVAL: "the version in production serves on until somebody answers",
    Wants.LATE: "nothing trains on it before somebody decides",
    Wants.SUSPECT: "the version in production never trained on it, and serves on",
    Wants.QUARANTINED: "nothing trains on what is in quarantine; the version in production serves on",
    Wants.REBASE: "the version in production serves on; nothing is rebased by itself",
    Wants.CHANGED: "the version in production serves on, with the slice as it was",
    Wants.MISSING: "later slices are trained on; if it comes, it is late and is taken then",
    Wants.REJECTED: "the version in production serves on; the slices are pending again",
    Wants.SLOWER: "nothing was lost: the training came to its end",
}


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something that a person should know of a model.

    Attributes:
        subjects: what makes it different from others of its kind: keys of slices, a version, a reason. An
            alert with none that is new is not told again.
        message: what happened, in a sentence or two. It may contain data.
        command: the next command of `ckpt-ops`, as it is typed; "" for none.
        slices, version: what it is about; empty and None where it is about the model.
        link: the model's page; "" where nobody knows its address.
    """

    model: str
    what: Wants
    subjects: tuple[str, ...]
    message: str
    command: str = ""
    slices: tuple[str, ...] = ()
    version: int | None = None
    link: str = ""

    @property
    def title(self) -> str:
        """In one line: the model, what, and of which slice or version."""
        about = ""
        if self.slices:
            about = ", ".join(self.slices[:3]) + (" ..." if len(self.slices) > 3 else "")
        elif self.version is not None:
            about = f"version {self.version}"
        return shortened(f"{self.model}: {self.what.value}{f': {about}' if about else ''}", LONGEST_TITLE)

    @property
    def safe(self) -> str:
        """What did not suffer."""
        return SAFE[self.what]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Heading and text, in order; each text is one line, without characters that steer anything."""
        found = [("", self.message), ("Safe", self.safe), ("Next", self.command), ("Page", self.link)]
        return [(heading, _cut(text)) for heading, text in found if text]

    @property
    def text(self) -> str:
        """Plain text."""
        return "\n".join(f"{heading}: {text}" if heading else text for heading, text in self.lines)

    @property
    def html(self) -> str:
        """For e-mails: all that came from data is escaped."""
        return str(stacked(self._paragraph(heading, text) for heading, text in self.lines))

    @property
    def slack(self) -> str:
        """For Slack: `text` in which nothing is a mention or a link to elsewhere."""
        text = f"*{self.title}*\n{self.text}"
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    @property
    def fields(self) -> dict[str, object]:
        """All of it as plain values."""
        return {
            "model": self.model,
            "what": self.what.value,
            "title": self.title,
            "message": self.message,
            "safe": self.safe,
            "next": self.command,
            "slices": list(self.slices),
            "version": self.version,
            "link": self.link,
        }

    @property
    def json(self) -> str:
        """`fields` as JSON, for webhooks."""
        return json.dumps(self.fields)

    @staticmethod
    def _paragraph(heading: str, text: str) -> Html:
        if heading == "Page":
            return element("p", element("a", "The model's page", href=text))
        said = element("code", text) if heading == "Next" else text
        return element("p", element("b", f"{heading}: "), said) if heading else element("p", said)


def link_to(model: str, base: str) -> str:
    """The address of the model's page in Airflow's UI, which is at `base`; "" for no address."""
    return f"{base.rstrip('/')}/dags/{quote(model, safe='')}/plugin/model" if "://" in base else ""


def _cut(text: str) -> str:
    line = one_line(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
