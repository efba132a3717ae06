"""A real Chromium, driven as a person drives it: what is clicked is found by what it says, and is seen.

It is spoken to through a pipe, so that nothing else on this machine can reach it, and needs no package.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PATIENCE = 30.0  # seconds

# Chromium reads from 3 and writes to 4
_START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""

# Finds what a person would click: by its words or its name for a screen reader, the shortest first.
_FIND = """
(() => {
  const said = (one) => one.replace(/\\s+/g, " ").trim();
  const seen = (one) => {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    return box.width > 0 && box.height > 0 && style.visibility !== "hidden" && style.opacity !== "0";
  };
  const words = (one) => [...one.querySelectorAll("[aria-hidden=true]")]
    .reduce((text, mark) => text.replace(mark.innerText || "", ""), one.innerText || "");
  const wanted = WANTED, within = WITHIN;
  let root = document;
  if (within) {
    const rows = [...document.querySelectorAll(within[0])].filter(seen);
    root = rows.find((one) => said(one.innerText).includes(within[1]));
    if (!root) return null;
  }
  const all = [...root.querySelectorAll("a, button, summary, label, [role=button], [role=tab]")];
  const open = document.querySelector("dialog[open]");
  const fits = all
    .filter((one) => seen(one) && (!open || open.contains(one)))
    .map((one) => [one, said(words(one)), said(one.getAttribute("aria-label") || "")])
    .filter(([one, text, label]) => text === wanted || label === wanted || text.startsWith(wanted + " "))
    .sort((a, b) => a[1].length - b[1].length);
  const [found] = fits[0] || [];
  if (!found || found.disabled) return null;
  found.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
  const box = found.getClientRects()[0];
  const at = [box.x + box.width / 2, box.y + box.height / 2];
  const hit = document.elementFromPoint(at[0], at[1]);
  if (!hit || !(found.contains(hit) || hit.contains(found))) return null;
  const frame = window.frameElement ? window.frameElement.getBoundingClientRect() : { x: 0, y: 0 };
  return [at[0] + frame.x, at[1] + frame.y];
})()
"""


class Failed(AssertionError):
    """The page did not do it."""


class Chromium:
    """A browser; `tab` opens one. It ends with the block."""

    def __init__(self, home: Path) -> None:
        assert BROWSER is not None
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (theirs_in, theirs_out)]
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            "--lang=en-US",
            f"--user-data-dir={home}",
            "--remote-debugging-pipe",
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, *map(str, high), BROWSER, *arguments],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (theirs_in, theirs_out, *high):
            os.close(one)
        self._in, self._out = ours_in, ours_out
        self._number, self._rest = 0, b""
        self._tabs: dict[str, Tab] = {}

    def close(self) -> None:
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (Failed, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, session: str = "", /, **params: Any) -> dict[str, Any]:
        """Ask it; its answer. What it tells meanwhile goes to the tabs.

        Raises:
            Failed: it refuses, or does not answer within `PATIENCE`.
        """
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        os.write(self._out, json.dumps(asked | ({"sessionId": session} if session else {})).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            said = self._next(until, method)
            if said.get("id") == self._number:
                if "error" in said:
                    raise Failed(f"{method}: {said['error']['message']}")
                return dict(said["result"])
            self._heard(said)

    def listen(self, seconds: float) -> None:
        """Take what it tells by itself, for so long."""
        until = time.monotonic() + seconds
        while select.select([self._in], [], [], max(0.0, until - time.monotonic()))[0]:
            self._heard(self._next(time.monotonic() + PATIENCE, "listening"))

    def _next(self, until: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], max(0.0, until - time.monotonic()))[0]:
                raise Failed(f"{method}: no answer within {PATIENCE:.0f} s")
            more = os.read(self._in, 1 << 16)
            if not more:
                raise Failed(f"{method}: the browser has ended")
            self._rest += more
        one, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(one))

    def _heard(self, said: dict[str, Any]) -> None:
        tab = self._tabs.get(said.get("sessionId", ""))
        if tab is not None and "method" in said:
            tab.heard(said["method"], said["params"])

    def tab(self, base: str, cookie: tuple[str, str]) -> Tab:
        """A tab of somebody who is logged in at `base`."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session, base)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.call(f"{domain}.enable")
        name, value = cookie
        tab.call("Network.setCookie", name=name, value=value, url=base)
        return tab


class Tab:
    """A tab. What is asked of it is asked of our page in Airflow's frame, unless it says otherwise.

    Attributes:
        clicks: how many there were since `home`.
        complaints: errors of our page, and calls to other hosts.
    """

    def __init__(self, browser: Chromium, session: str, base: str) -> None:
        self.browser, self.session, self.base = browser, session, base
        self.clicks = 0
        self.complaints: list[str] = []
        self._frames: dict[str, str] = {}  # id to address
        self._contexts: dict[str, int] = {}  # of a frame
        self._top = ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def heard(self, method: str, said: dict[str, Any]) -> None:
        if method == "Page.frameNavigated":
            frame = said["frame"]
            self._frames[frame["id"]] = frame["url"]
            if "parentId" not in frame:
                self._top = frame["id"]
        elif method == "Page.frameDetached":
            self._frames.pop(said["frameId"], None)
        elif method == "Runtime.executionContextCreated":
            about = said["context"].get("auxData", {})
            if about.get("isDefault"):
                self._contexts[about["frameId"]] = said["context"]["id"]
        elif method == "Runtime.executionContextDestroyed":
            gone = said["executionContextId"]
            self._contexts = {frame: one for frame, one in self._contexts.items() if one != gone}
        elif method == "Runtime.exceptionThrown":
            about = said["exceptionDetails"]
            if "/ckpt-ops/" in str(about.get("url", "")) + str(about.get("stackTrace", "")):
                self.complaints.append(str(about.get("exception", about).get("description", about)))
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error":
            entry = said["entry"]
            if "/ckpt-ops/" in entry.get("url", ""):
                self.complaints.append(f"{entry['text']} {entry['url']}")
        elif method == "Network.requestWillBeSent":
            url = said["request"]["url"]
            if not url.startswith((self.base, "data:", "blob:", "about:")):
                self.complaints.append(f"calls {url}")

    # --- where it is --------------------------------------------------------------------------------

    def look(self, *, width: int = 1280, height: int = 900, theme: str = "light") -> None:
        """The window's size in pixels, and what the system's theme is."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)

    def go(self, path: str) -> None:
        """To an address below `base`."""
        self._contexts.clear()
        self.call("Page.navigate", url=f"{self.base}{path}")

    def home(self) -> None:
        """Airflow's start page, from where clicks count."""
        self.go("/")
        self.until("document.readyState === 'complete' && document.body.innerText.includes('Dags')", top=True)
        self.clicks = 0

    def page(self, hash_: str) -> None:
        """One of our pages, in the frame that is there."""
        self.run(f"location.hash = {json.dumps(hash_)}")

    # --- what is there ------------------------------------------------------------------------------

    def _context(self, *, top: bool) -> int | None:
        if top:
            return self._contexts.get(self._top)
        ours = [one for one, url in self._frames.items() if "/ckpt-ops/" in url and one != self._top]
        return next((self._contexts[one] for one in reversed(ours) if one in self._contexts), None)

    def run(self, script: str, *, top: bool = False) -> Any:
        """The value of a script.

        Raises:
            Failed: the page is not there, or the script fails.
        """
        context = self._context(top=top)
        if context is None:
            raise Failed("the page is not there")
        found = self.call(
            "Runtime.evaluate",
            expression=script,
            contextId=context,
            returnByValue=True,
            awaitPromise=True,
        )
        if "exceptionDetails" in found:
            raise Failed(str(found["exceptionDetails"]["exception"].get("description", found)))
        return found["result"].get("value")

    def until(self, script: str, *, top: bool = False, seconds: float = PATIENCE) -> Any:
        """What a script gives, once that is true."""
        end = time.monotonic() + seconds
        while True:
            try:
                found = self.run(script, top=top)
            except Failed:
                found = None
            if found:
                return found
            if time.monotonic() > end:
                raise Failed(f"not within {seconds:.0f} s: {script[:400]}\n{self.text()[:1500]}")
            self.browser.listen(0.1)

    def text(self) -> str:
        """What is to be read on our page, or in Airflow's where ours is not there."""
        try:
            return str(self.run("document.body.innerText"))
        except Failed:
            return str(self.run("document.body.innerText", top=True))

    def reads(self, *words: str, seconds: float = PATIENCE) -> None:
        """Waits until all of it is to be read, in whatever lines it is broken."""
        script = f"""(() => {{
          const said = document.body.innerText.replace(/\\s+/g, " ");
          const here = {json.dumps(words)}.every((one) => said.includes(one));
          return here && !document.querySelector("main .skeleton");
        }})()"""
        self.until(script, seconds=seconds)

    # --- what a person does -------------------------------------------------------------------------

    def click(
        self,
        words: str,
        *,
        within: tuple[str, str] | None = None,
        top: bool = False,
        seconds: float = PATIENCE,
    ) -> None:
        """Click what says it.

        Args:
            within: a selector and words: only in the first such element that says those.
        """
        script = _FIND.replace("WANTED", json.dumps(words)).replace("WITHIN", json.dumps(within))
        x, y = self.until(script, top=top, seconds=seconds)
        self.clicks += 1
        about = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **about)

    def point(self, selector: str, *, share: float = 0.5) -> None:
        """Move the pointer onto the first such element, at a share of its width."""
        script = f"""(() => {{
          const found = document.querySelector({json.dumps(selector)});
          if (!found) return null;
          found.scrollIntoView({{ block: "center", behavior: "instant" }});
          const box = found.getBoundingClientRect(), frame = frameElement.getBoundingClientRect();
          return [frame.x + box.x + box.width * {share}, frame.y + box.y + box.height / 2];
        }})()"""
        x, y = self.until(script)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, selector: str, text: str, *, at: int = 0) -> None:
        """Type into a field: the first such, or another. A date as its parts are shown, "02102013"."""
        found = f"document.querySelectorAll({json.dumps(selector)})[{at}]"
        self.until(f"{found} && ({found}.focus(), document.activeElement === {found})")
        for letter in text:
            self.call(
                "Input.dispatchKeyEvent", type="keyDown", text=letter, key=letter, unmodifiedText=letter
            )
            self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    def picture(self, path: Path) -> None:
        """What the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    # --- what is wrong ------------------------------------------------------------------------------

    def sideways(self) -> int:
        """By how many pixels our page scrolls sideways."""
        return int(self.run("document.documentElement.scrollWidth - innerWidth"))

    def serious(self, axe: str) -> list[str]:
        """What axe-core finds serious on our page, a line each."""
        self.run(f"window.axe || (() => {{ {axe} }})(); true")
        found = self.run("axe.run(document, { resultTypes: ['violations'] }).then((one) => one.violations)")
        return [
            f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@contextmanager
def chromium(home: Path) -> Iterator[Chromium]:
    """Runs one while the block does."""
    browser = Chromium(home)
    try:
        yield browser
    finally:
        browser.close()
