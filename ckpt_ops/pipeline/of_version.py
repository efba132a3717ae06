"""A pipeline as one version has it: with the vocabularies of that version, for functions that take them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class PipelineOfVersion(Pipeline):
    """The pipeline, and what `build_model()` was given for one version. It makes rows for that version only.

    It stays one when settings of it are replaced, and has the ids of the pipeline.
    """

    given: Given


def of_given(pipeline: Pipeline, given: Given) -> Pipeline:
    """The pipeline as a version that was given this has it. Without vocabularies: the pipeline itself."""
    if not (pipeline.vocabularies or given.vocabularies):
        return pipeline
    settings = {field.name: getattr(pipeline, field.name) for field in fields(Pipeline)}
    return PipelineOfVersion(**settings, given=given)


def given_to(pipeline: Pipeline) -> Given | None:
    """What the version was given, if the pipeline is that of a version; else None."""
    return pipeline.given if isinstance(pipeline, PipelineOfVersion) else None
