"""A fleet is one folder with many pipelines: names, what is refused, a member that cannot be described."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fleet_folder import forget, write_example, write_small

from ckpt_ops import Fleet, Intake, Member, Pipeline
from ckpt_ops.errors import BadInput, MemberNotDescribed
from ckpt_ops.pipeline import find_pipelines, load_intake, load_pipeline
from ckpt_ops.pipeline.code.own import code_of
from ckpt_ops.pipeline.loading import find_fleet, is_described
from ckpt_ops.pipeline.naming import file_of, folder_of, is_name, member_of, module_of
from ckpt_ops.pipeline.one_description import check_one_description, check_one_source

FOLDERS = ("flights_by_carrier", "flight_delay", "shops", "depots", "alone")


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    forget(*FOLDERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    forget(*FOLDERS)


def fleet_of(*members: str, name: str = "shops") -> Fleet:
    return Fleet(name=name, members=members, describe=lambda member: pytest.fail("it was described"))


class TestNames:
    @pytest.mark.parametrize("name", ["a", "flight_delay", "shops.AA", "shops.9E", "shops.a-b_c"])
    def test_that_are_names(self, name: str) -> None:
        assert is_name(name)

    @pytest.mark.parametrize(
        "name",
        ["", "A", "1a", "a.", ".a", "a.b.c", "a/b", "a..b", "A.b", "a.-b", "a.b c", "a.é", "a.b\n", "../a.b"],
    )
    def test_that_are_none(self, name: str) -> None:
        assert not is_name(name)

    def test_longer_than_a_source_s(self) -> None:
        assert is_name("a." + "b" * 62)
        assert not is_name("a." + "b" * 63)
        assert not is_name("a" * 65)

    def test_a_folder_is_known_by_the_name_alone(self) -> None:
        assert (folder_of("shops.AA"), member_of("shops.AA")) == ("shops", "AA")
        assert (folder_of("shops"), member_of("shops")) == ("shops", None)
        assert (file_of("shops.AA"), module_of("shops.AA")) == ("shops/pipeline.py", "shops.pipeline")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "members",
        [
            *((), "AA", {"AA", "UA"}, ("AA", "AA"), ("AA", "aa"), ("A.A",), ("",), (3,), ("A A",), ("-a",)),
            *(("é",), ("x" * 64,), ("a/../b",), ("a\x00",)),
        ],
    )
    def test_members(self, members: object) -> None:
        with pytest.raises(BadInput) as refused:
            Fleet(name="shops", members=members, describe=lambda member: None)  # type: ignore[arg-type,return-value]
        assert refused.value.field == "members"

    @pytest.mark.parametrize("name", ["", "Shops", "shops.a", "../shops", "s" * 63, None])
    def test_name(self, name: str) -> None:
        with pytest.raises(BadInput, match="name="):
            fleet_of("a", name=name)

    def test_a_fleet_that_does_not_have_the_name_of_its_folder(self, dags: Path) -> None:
        write_small(dags, "shops")
        text = (dags / "shops" / "pipeline.py").read_text()
        (dags / "shops" / "pipeline.py").write_text(text.replace('name="shops"', 'name="depots"'))
        with pytest.raises(BadInput, match="with name='shops'"):
            load_intake("shops.a", dags)

    def test_a_pipeline_of_the_fleets_name_beside_it(self, dags: Path) -> None:
        write_small(dags, "shops")
        with (dags / "shops" / "pipeline.py").open("a") as file:
            file.write(
                "\nfrom dataclasses import replace\nshops = replace(fleet.pipeline('a'), name='shops')\n"
            )
        with pytest.raises(BadInput, match="shops, shops"):
            load_intake("shops.a", dags)


class TestLoading:
    def test_makes_the_one_member_that_is_meant(self, dags: Path) -> None:
        write_small(dags, "shops", ("a", "b", "bad"))
        found = load_intake("shops.b", dags)
        assert (found.name, found.folder) == ("shops.b", dags / "shops")
        assert load_intake("shops.b", dags) is found
        fleet = find_fleet("shops", dags)
        assert fleet is not None
        assert fleet.holds(found)
        assert set(fleet._known) == {"b"}

    def test_lists_members_in_order_beside_other_folders(self, dags: Path) -> None:
        write_small(dags, "shops", ("b", "a", "bad"))
        (dags / "alone").mkdir()
        (dags / "alone" / "pipeline.py").write_text("raise ValueError('this is not run')\n")
        assert find_pipelines(dags) == ["alone", "shops.a", "shops.b", "shops.bad"]

    def test_a_fleet_that_cannot_be_imported_hides_no_other(self, dags: Path) -> None:
        write_small(dags, "shops")
        (dags / "depots").mkdir()
        (dags / "depots" / "pipeline.py").write_text("from ckpt_ops import Fleet\n1 / 0\n")
        assert find_pipelines(dags) == ["depots", "shops.a", "shops.b"]
        assert load_intake("shops.a", dags).name == "shops.a"

    def test_a_name_is_described_without_running_code(self, dags: Path) -> None:
        for name, text in {"shops": "1 / 0  # Fleet", "alone": "1 / 0"}.items():
            (dags / name).mkdir()
            (dags / name / "pipeline.py").write_text(text)
        asked = ("shops", "shops.a", "alone", "alone.a", "nobody", "shops.a.b", "../shops")
        assert [name for name in asked if is_described(name, dags)] == ["shops", "shops.a", "alone"]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("shops", "one member of the fleet shops: shops.a, shops.b"),
            ("shops.c", "one member of the fleet shops: shops.a, shops.b"),
            ("alone.a", "one of alone, shops"),
            ("nobody", "one of alone, shops"),
        ],
    )
    def test_what_is_no_pipeline_is_refused_naming_those_there_are(
        self, dags: Path, name: str, message: str
    ) -> None:
        write_small(dags, "shops")
        (dags / "alone").mkdir()
        (dags / "alone" / "pipeline.py").write_text("")
        with pytest.raises(BadInput, match=message):
            load_intake(name, dags)


class TestAMemberThatCannotBeDescribed:
    def test_stops_none_of_the_others(self, dags: Path) -> None:
        write_small(dags, "shops", ("a", "bad", "b"))
        fleet = find_fleet("shops", dags)
        assert fleet is not None
        found = fleet.described()
        assert list(found.pipelines) == ["shops.a", "shops.b"]
        (error,) = found.failed.values()
        assert "shops.bad is not described: describe() raised KeyError: 'no budget for bad'" in error.what
        with pytest.raises(MemberNotDescribed):
            load_intake("shops.bad", dags)

    @pytest.mark.parametrize(
        ("returned", "message"),
        [(None, "returned a NoneType"), ("shops.a", "returned a str"), ("other", "named it 'shops.other'")],
    )
    def test_also_when_it_returns_something_else(self, dags: Path, returned: object, message: str) -> None:
        write_small(dags, "shops", ("a", "other"))
        good = find_fleet("shops", dags)
        assert good is not None
        value = good.pipeline("other") if returned == "other" else returned
        fleet = Fleet(name="shops", members=("a",), describe=lambda member: value)  # type: ignore[arg-type,return-value]
        with pytest.raises(MemberNotDescribed, match=message):
            fleet.pipeline("a")

    def test_its_error_is_the_same_in_each_process(self) -> None:
        def describe(member: Member) -> Intake:
            raise ValueError(f"nothing at {object()!r}")

        fleet = Fleet(name="shops", members=("a",), describe=describe)
        with pytest.raises(MemberNotDescribed) as error:
            fleet.pipeline("a")
        assert "0x" not in str(error.value)


class TestSourcesOfFleets:
    def test_named_as_their_members_pass(self, dags: Path) -> None:
        write_small(dags, "shops")
        write_small(dags, "depots")
        for name in ("shops.a", "depots.b"):
            found = load_intake(name, dags)
            check_one_description(found, dags / folder_of(name) / "dag.py")
            check_one_source(found, dags)

    def test_a_name_that_is_made_up_is_refused(self, dags: Path) -> None:
        write_small(dags, "shops", source="f'sales_{member.key}'")
        with pytest.raises(BadInput, match=r"'sales_a'.*begins with 'shops\.'"):
            check_one_source(load_intake("shops.a", dags), dags)

    def test_one_source_for_all_members_has_its_name_in_the_code(self, dags: Path) -> None:
        write_small(dags, "shops", source="'sales'")
        check_one_source(load_intake("shops.a", dags), dags)

    def test_a_name_that_another_fleet_gives_is_refused(self, dags: Path) -> None:
        write_small(dags, "shops")
        write_small(dags, "depots", source="'shops.a'")
        with pytest.raises(BadInput, match=r"shops/pipeline.py give it to two sources"):
            check_one_source(replace(load_intake("depots.b", dags)), dags)

    def test_a_dag_file_in_a_folder_with_a_pipeline_of_its_own_is_refused(self, dags: Path) -> None:
        write_small(dags, "shops")
        write_small(dags, "depots")
        with pytest.raises(BadInput, match=r"described in shops/pipeline.py"):
            check_one_description(load_intake("shops.a", dags), dags / "depots" / "dag.py")


class TestThePagesExample:
    def test_is_python_and_every_member_is_described(self, dags: Path) -> None:
        write_example(dags)
        ast.parse((dags / "flights_by_carrier" / "dag.py").read_text())
        fleet = find_fleet("flights_by_carrier", dags)
        assert fleet is not None
        found = fleet.described()
        assert not found.failed
        assert len(found.pipelines) == 11
        for name, one in found.pipelines.items():
            check_one_source(one, dags)
            assert one.source.name == name

    def test_members_have_the_same_code_and_candidates_of_their_own(self, dags: Path) -> None:
        write_example(dags)
        american, united = (load_pipeline(f"flights_by_carrier.{key}", dags) for key in ("AA", "UA"))
        assert american.training_config() != united.training_config()
        assert american.training_config()["name"] == "flights_by_carrier.AA"
        before = code_of(american)
        assert before.digest == code_of(united).digest
        assert "flights_by_carrier/pipeline.py" in before.files

    def test_another_member_and_a_suite_of_its_own_change_no_candidate(self, dags: Path) -> None:
        write_example(dags)
        american = load_pipeline("flights_by_carrier.AA", dags)
        before = code_of(american).digest
        folder = dags / "flights_by_carrier"
        text = (folder / "pipeline.py").read_text()
        (folder / "pipeline.py").write_text(text.replace('"AA", ', '"AA", "AS", '))
        (folder / "expectations_UA.json").write_text('{"name": "own", "expectations": []}')
        assert code_of(american).digest == before
        (folder / "model.py").write_text("from flight_delay.model import build_model, examples, inputs\n")
        assert code_of(american).digest != before

    def test_the_code_that_is_kept_with_a_version_describes_its_member(
        self, dags: Path, tmp_path: Path
    ) -> None:
        write_example(dags)
        kept = code_of(load_pipeline("flights_by_carrier.AA", dags)).files
        then = tmp_path / "then"
        for name, data in kept.items():
            (then / name).parent.mkdir(parents=True, exist_ok=True)
            (then / name).write_bytes(data)
        forget(*FOLDERS)
        found = load_pipeline("flights_by_carrier.AA", then)
        assert isinstance(found, Pipeline)
        assert found.folder == then / "flights_by_carrier"
