"""Our pages inside Airflow's own UI, as an operator goes about them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from airflow_process import PROJECT
from chromium import Tab

AXE = PROJECT / "pages" / "node_modules" / "axe-core" / "axe.min.js"
"""A development dependency of `pages/`: `make pages` brings it."""


class InAirflow:
    """A tab of an operator, who looks after one model."""

    def __init__(self, tab: Tab, model: str) -> None:
        self.tab, self.model = tab, model
        self.tab.look()

    def at_models(self) -> Tab:
        """Airflow's home, then the navigation's "Models": one click."""
        self.tab.home()
        self.tab.click("Models", top=True)
        self.tab.reads(self.model)
        return self.tab

    def at(self, page: str) -> Tab:
        """A page of the model, by its address, in the frame that is there."""
        self.tab.page(f"#/m/{self.model}{page}")
        return self.tab

    def ask(self, second: str | None, *answer: str) -> Tab:
        """A question: "Models", and perhaps one more click; then the answer is to be read."""
        tab = self.at_models()
        if second is not None:
            tab.click(second)
        tab.reads(*answer)
        assert tab.clicks <= 2
        return tab

    def row(self, words: str, *, at: int = 0) -> str:
        """What stands in the row of a table whose name says this: the first such, or another."""
        named = f"""[...document.querySelectorAll("tbody tr")].filter((one) =>
          one.querySelector("th")?.innerText.trim().split(/\\s/)[0] === {json.dumps(words)})"""
        script = f"{named}.at({at})?.innerText"
        return " ".join(str(self.tab.until(script)).split())

    def pause(self, dag: str, paused: bool) -> None:
        """As the switch in Airflow's own UI does it."""
        body = json.dumps({"is_paused": paused})
        sent = {"method": "PATCH", "headers": {"Content-Type": "application/json"}, "body": body}
        script = f"fetch('/api/v2/dags/{dag}', {json.dumps(sent)}).then((one) => one.status)"
        assert self.tab.run(script) == 200

    def confirm(self, button: str, why: str, *will: str) -> None:
        """In the dialog that is open: read what will happen, say why, and do it."""
        self.tab.reads("What will happen", *will)
        if why:
            self.tab.type("dialog textarea[name=why]", why)
        self.keep(button)
        self.tab.click(button)
        self.tab.until("!document.querySelector('dialog[open]')")

    def keep(self, name: str) -> None:
        """Pictures of what is there now, if the folder LOOKS is set: wide and narrow, light and dark."""
        folder = os.environ.get("LOOKS")
        if not folder:
            return
        for width, height in ((1280, 900), (390, 844)):
            for theme in ("light", "dark"):
                self.tab.look(width=width, height=height, theme=theme)
                self.tab.until(f"document.documentElement.dataset.theme === {json.dumps(theme)}")
                self.tab.picture(Path(folder) / f"{name.replace(' ', '-').lower()}-{width}-{theme}.png")
        self.tab.look()

    def look_at(
        self, pages: Mapping[str, tuple[str, str]], *, width: int, theme: str
    ) -> dict[str, list[str]]:
        """What is wrong, by page: what axe-core finds serious, and whether it scrolls sideways.

        Args:
            pages: by name, address and words that are to be read there.
            width: of the window, in pixels.
        """
        axe = AXE.read_text() if AXE.exists() else None
        tab = self.at_models()
        tab.look(width=width, height=844 if width < 600 else 900, theme=theme)
        found = {}
        try:
            for name, (address, words) in pages.items():
                tab.page(address)
                tab.reads(words)
                tab.until(f"document.documentElement.dataset.theme === {json.dumps(theme)}")
                over = tab.sideways()
                wrong = [f"scrolls sideways by {over} px"] if over > 0 else []
                wrong += tab.serious(axe) if axe else []
                found |= {name: wrong} if wrong else {}
        finally:
            tab.look()
        if axe is None and not found:
            pytest.skip("axe-core is not here (make pages brings it); the rest was looked at")
        return found
