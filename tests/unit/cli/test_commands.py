"""Help, completion and `--version`: what is listed is what there is, and costs no import of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from ckpt_ops import __version__
from ckpt_ops.cli.commands import COMMANDS, Command, Group
from ckpt_ops.cli.main import app

PROJECT = Path(__file__).parents[3]
NOT_TO_LIST = (
    "numpy",
    "pandas",
    "pyarrow",
    "google",
    "tensorflow",
    "great_expectations",
    "ckpt_ops.pipeline",
)
STUMBLES = re.compile(
    r"\b(anew|mend|mended|is another|so (long|many)|judged?|learned|refused)\b|(?<!-)\bheld\b(?!-)"
)
Complete = Callable[..., list[str]]
ROOT: Any = typer.main.get_command(app)


def below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The command and those below it, by what a person types."""
    yield name, command
    for each in command.list_commands(typer.Context(command)) if hasattr(command, "commands") else ():
        yield from below(command.get_command(typer.Context(command), each), f"{name} {each}")


EVERY = dict(below(ROOT, "ckpt-ops"))


def paragraphs(command: Any) -> list[str]:
    return (command.help or "").split("\n\n")


class TestTheTable:
    @pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
    def test_its_line_is_the_first_of_the_commands_own_help(self, entry: Command) -> None:
        assert paragraphs(EVERY[f"ckpt-ops {entry.name}"])[0] == entry.summary

    def test_it_lists_every_function_of_the_command_line_that_takes_a_store(self) -> None:
        """A command that somebody writes and forgets to list would never be found."""
        listed = {entry.code for entry in COMMANDS}
        quarantine = {f"quarantine:{name}" for name in ("list_", "show", "release", "discard")}
        written = {
            f"{path.stem}:{node.name}"
            for path in (PROJECT / "ckpt_ops/cli").glob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef)
            and any(ast.unparse(each.annotation or ast.Pass()) == "StoreOption" for each in node.args.args)
        }
        assert written - listed == quarantine
        assert len(written & listed) == len(listed - {"init:init", "new:new", "new:check", "quarantine:app"})

    def test_groups_are_shown_in_order_each_once(self) -> None:
        assert list(dict.fromkeys(entry.group for entry in COMMANDS)) == list(Group)
        shown = CliRunner().invoke(app, ["--help"]).stdout
        places = [shown.index(group.value) for group in Group]
        assert places == sorted(places)

    def test_every_command_has_its_line_below_its_group(self) -> None:
        shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).stdout
        for entry in COMMANDS:
            line = re.search(rf"(?m)^│ {entry.name} +{re.escape(entry.summary)}", shown)
            assert line, entry.name
            panel = [group for group in Group if shown.find(group.value) < line.start()][-1]
            assert panel is entry.group


class TestHelp:
    @pytest.mark.parametrize("name", EVERY)
    def test_the_first_line_is_one_sentence_that_fits_into_the_list(self, name: str) -> None:
        first = paragraphs(EVERY[name])[0]
        assert re.fullmatch(r"[A-Z][^.]*\.", first), first
        if len(name.split()) == 2:
            assert len(first) <= 62, "an 80-column terminal would wrap it"

    @pytest.mark.parametrize("name", EVERY)
    def test_the_last_paragraph_is_an_example_that_parses(self, name: str) -> None:
        label, _, example = paragraphs(EVERY[name])[-1].partition(": ")
        assert label == "Example"
        assert f"{example} ".startswith(f"{name} ")
        command, message = ROOT, shlex.split(example)[1:]
        context = command.make_context("ckpt-ops", message)
        while hasattr(command, "commands"):  # what each group leaves over is its command's to parse
            _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            context = command.make_context(command.name, rest, parent=context)

    def test_an_option_that_is_not_there_would_be_found_in_an_example(self) -> None:
        with pytest.raises(Exception, match="No such option"):
            EVERY["ckpt-ops status"].make_context("status", ["--nonsense"])

    @pytest.mark.parametrize("name", EVERY)
    def test_every_argument_and_option_says_what_it_is(self, name: str) -> None:
        command = EVERY[name]
        silent = [each.name for each in command.get_params(typer.Context(command)) if not each.help]
        assert not silent

    @pytest.mark.parametrize("name", EVERY)
    def test_a_native_reader_stumbles_over_nothing(self, name: str) -> None:
        command = EVERY[name]
        texts = [command.help, *(each.help for each in command.get_params(typer.Context(command)))]
        for text in texts:
            found = STUMBLES.search(text)
            assert found is None, text

    def test_withdraw_does_not_ask_for_a_slice_that_nothing_consumed(self) -> None:
        assert "nothing has consumed" not in EVERY["ckpt-ops withdraw"].help
        assert "a rebase is due" in EVERY["ckpt-ops withdraw"].help


def imported(*arguments: str, **environment: str) -> tuple[list[str], str]:
    """The modules that a fresh `ckpt-ops` has imported at its end, and what it printed."""
    code = (
        "import atexit, json, sys; "
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); "
        f"sys.argv = {['ckpt-ops', *arguments]!r}; "
        "from ckpt_ops.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PROJECT), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stderr.splitlines()[-1]), done.stdout


def heavy(modules: list[str]) -> list[str]:
    return [name for name in modules if name in NOT_TO_LIST]


class TestWhatIsNotImported:
    def test_help_imports_no_command(self) -> None:
        modules, shown = imported("--help")
        assert "Usage: ckpt-ops" in shown
        assert heavy(modules) == []
        commands = {f"ckpt_ops.cli.{entry.code.partition(':')[0]}" for entry in COMMANDS}
        assert commands & set(modules) == set()

    def test_status_of_a_local_store_imports_what_reads_a_log(self, store: Any) -> None:
        modules, shown = imported("status", CKPT_OPS_STORE=store.url)
        assert "flight_delay" in shown
        assert heavy(modules) == []
        assert [name for name in modules if name.startswith("ckpt_ops.embedded")] == []

    @pytest.mark.parametrize("arguments", [["log"], ["show"], ["slices"], ["production"]])
    def test_what_else_reads_a_log_needs_no_tensorflow(self, store: Any, arguments: list[str]) -> None:
        modules, shown = imported(*arguments, "flight_delay", CKPT_OPS_STORE=store.url)
        assert shown
        assert not {"tensorflow", "keras", "great_expectations", "pandas", "google.cloud"} & set(modules)


class TestVersion:
    def test_it_is_printed_alone(self) -> None:
        done = CliRunner().invoke(app, ["--version"])
        assert (done.exit_code, done.stdout) == (0, f"ckpt-ops {__version__}\n")


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs lines in a bash that has `ckpt-ops` on its path; returns what they print."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "ckpt-ops"
    command.write_text(
        f"#!{sys.executable}\nimport sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from ckpt_ops.cli.main import main; main()\n"
    )
    command.chmod(0o755)

    def run(lines: str, **environment: str) -> str:
        done = subprocess.run(
            ["bash", "--norc", "-c", lines],
            env={"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), **environment},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout

    return run


@pytest.fixture(scope="module")
def complete(bash: Callable[..., str]) -> Complete:
    """What bash offers on TAB, by the script that `--show-completion` prints."""
    script = bash("ckpt-ops --show-completion; true")  # Typer looks at its parent: bash has to fork

    def offered(*message: str, **environment: str) -> list[str]:
        typed = " ".join(map(shlex.quote, ("ckpt-ops", *message)))
        press_tab = f"COMP_WORDS=({typed}); COMP_CWORD={len(message)}; _ckpt_ops_completion ckpt-ops"
        show = "printf '%s\\n' \"${COMPREPLY[@]}\""
        return bash("\n".join((script, press_tab, show)), **environment).split()

    return offered


class TestCompletion:
    def test_names_of_commands(self, complete: Complete) -> None:
        assert complete("re") == [
            "report",
            "resolve",
            "reject",
            "release",
            "rebase",
            "retrain",
            "reproduce",
            "register",
            "repair",
        ]

    def test_names_of_commands_in_a_group(self, complete: Complete) -> None:
        assert complete("quarantine", "re") == ["release"]

    def test_options(self, complete: Complete) -> None:
        assert complete("withdraw", "--s") == ["--slice", "--store"]

    def test_models_of_the_dags_folder_and_of_a_store_that_is_a_folder(
        self, complete: Complete, store: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "dags" / "flights_eu").mkdir(parents=True)
        (tmp_path / "dags" / "flights_eu" / "pipeline.py").write_text(
            "raise RuntimeError('it is not imported')"
        )
        found = complete("show", "fli", CKPT_OPS_DAGS=str(tmp_path / "dags"), CKPT_OPS_STORE=store.url)
        assert found == ["flight_delay", "flights_eu"]

    def test_a_store_that_is_gone_offers_nothing_and_says_nothing(
        self, complete: Complete, tmp_path: Path
    ) -> None:
        gone = (tmp_path / "gone").as_uri()
        assert complete("show", "", CKPT_OPS_DAGS=str(tmp_path), CKPT_OPS_STORE=gone) == []

    def test_it_is_installed_into_the_shells_own_files(
        self, bash: Callable[..., str], tmp_path: Path
    ) -> None:
        bash("ckpt-ops --install-completion; true", HOME=str(tmp_path))
        assert "ckpt-ops" in (tmp_path / ".bashrc").read_text()
        (script,) = (tmp_path / ".bash_completions").iterdir()
        assert "complete -o default -F _ckpt_ops_completion ckpt-ops" in script.read_text()
