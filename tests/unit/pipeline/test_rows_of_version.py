"""Functions that make rows and take vocabularies are given those of the version for which the rows are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from stand_in import Place

from ckpt_ops.candidates.as_served.asked import Rows, inputs_for
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.of_version import given_to, of_given
from ckpt_ops.pipeline.user_code import inputs_by, make_examples, make_inputs, takes_vocabularies
from ckpt_ops.vocabularies import Vocabulary
from ckpt_ops.vocabularies.growth import Grown, advance, empty

SETTINGS = Vocabulary("person", 3)
MODEL = """
import numpy as np
from ckpt_ops.training import Examples

def examples(table, vocabularies):
    known = vocabularies["person"]
    table = table.slice(0, table.num_rows if DROPS is None else DROPS * known.known)
    return Examples(inputs=inputs(table, vocabularies), labels=np.zeros(table.num_rows))

def inputs(table, vocabularies):
    return {"known": np.full(table.num_rows, vocabularies["person"].known)}

def plain(table):
    return {"n": table["n"].to_numpy()}

DROPS = None
"""
TABLE = pa.table({"person": ["p-1", "p-2", "p-3", "p-4"], "n": [1, 2, 3, 4]})


def grown(*people: str) -> Grown:
    return advance(empty(SETTINGS), SETTINGS, dict.fromkeys(people, 1))


@pytest.fixture
def taking(place: Place) -> Pipeline:
    (place.folder / "dags/people/model.py").write_text(MODEL)
    return replace(place.pipeline, vocabularies=[SETTINGS])


def given(*people: str) -> Given:
    return Given(vocabularies={"person": grown(*people)})


def known(made: Any) -> list[int]:
    return list(made["known"])


def test_it_is_given_the_vocabularies_of_its_version(taking: Pipeline) -> None:
    one, other = of_given(taking, given("p-1")), of_given(taking, given("p-1", "p-2"))
    assert known(make_examples(one, TABLE).inputs) == [1] * 4
    assert known(make_examples(other, TABLE).inputs) == [2] * 4
    by_name = replace(other, inputs="people.model:inputs")
    assert known(make_inputs(by_name, TABLE)) == [2] * 4
    assert known(inputs_by("people.model:inputs", TABLE, given("p-3"))) == [1] * 4
    assert takes_vocabularies(taking)


def test_a_pipeline_of_a_version_has_its_ids_and_stays_one(taking: Pipeline) -> None:
    bound = of_given(taking, given("p-1"))
    assert bound.training_config() == taking.training_config()
    assert known(make_examples(replace(bound, batch_size=7), TABLE).inputs) == [1] * 4
    again = of_given(bound, given("p-1", "p-2"))
    assert known(make_examples(again, TABLE).inputs) == [2] * 4
    plain = replace(taking, vocabularies=())
    assert of_given(plain, Given()) is plain
    assert given_to(plain) is None


def test_a_function_without_the_parameter_is_given_none(taking: Pipeline) -> None:
    plain = replace(taking, inputs="people.model:plain")
    assert make_inputs(of_given(plain, given("p-1")), TABLE).keys() == {"n"}
    assert make_inputs(plain, TABLE).keys() == {"n"}
    assert inputs_by("people.model:plain", TABLE, Given()).keys() == {"n"}


@pytest.mark.parametrize("bound", [False, True])
def test_one_that_takes_vocabularies_where_there_are_none_is_refused(taking: Pipeline, bound: bool) -> None:
    pipeline = replace(taking, vocabularies=())
    if bound:
        pipeline = of_given(pipeline, Given())
    with pytest.raises(
        ModelCodeError, match=r"people\.model:examples takes vocabularies, and the version has"
    ):
        make_examples(pipeline, TABLE)
    with pytest.raises(ModelCodeError, match=r"people\.model:inputs takes vocabularies"):
        inputs_by("people.model:inputs", TABLE, Given())


def test_rows_that_were_made_for_one_version_are_made_again_for_another(taking: Pipeline) -> None:
    candidate, champion = of_given(taking, given("p-1", "p-2")), of_given(taking, given("p-1"))
    made = make_examples(candidate, TABLE)
    asked = Rows.of(made, lambda: (("1", TABLE.slice(*cut)) for cut in ((0, 1), (0, 0), (1,))))
    assert known(inputs_for(champion, asked)) == [1] * 4
    plain = replace(taking, examples="people.model:plain")
    assert inputs_for(of_given(plain, given("p-1")), asked) is asked.inputs, "they are the same for all"


def test_which_rows_are_kept_must_not_depend_on_the_vocabularies(place: Place, taking: Pipeline) -> None:
    (place.folder / "dags/people/model.py").write_text(MODEL.replace("DROPS = None", "DROPS = 1"))
    candidate, champion = of_given(taking, given("p-1", "p-2")), of_given(taking, given("p-1"))
    asked = Rows.of(make_examples(candidate, TABLE), lambda: iter([("1", TABLE)]))
    assert asked.count == 2
    with pytest.raises(ModelCodeError, match="keeps 1 rows with the vocabularies of one version, and 2"):
        inputs_for(champion, asked)


def test_two_that_a_model_cannot_tell_apart_are_the_same_for_it() -> None:
    settings = replace(SETTINGS, min_count=3)
    before = advance(empty(settings), settings, {"p-1": 3, "p-2": 1})
    counted = advance(before, settings, {"p-2": 1})
    out = advance(counted, settings, {"p-2": 1})

    def of(one: Grown, **adapted: Any) -> Given:
        return Given(vocabularies={"person": one}, adapted=adapted)

    assert of(before).same_for_a_model(of(counted)), "one that waits has no row"
    assert not of(counted).same_for_a_model(of(out))
    assert not of(before).same_for_a_model(of(replace(before, capacity=9)))
    assert not of(before).same_for_a_model(Given())
    assert of(before, mean=np.ones(2)).same_for_a_model(of(before, mean=np.ones(2)))
    assert not of(before, mean=np.ones(2)).same_for_a_model(of(before, mean=np.zeros(2)))
    assert not of(before, mean=np.ones(2)).same_for_a_model(of(before))
