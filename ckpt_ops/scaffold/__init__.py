"""A new source, or a pipeline with a model, from a look at its data: `dags/NAME/`, ready to run."""

from ckpt_ops.scaffold.found import Asked
from ckpt_ops.scaffold.new_source import Written, new_source

__all__ = ["Asked", "Written", "new_source"]
