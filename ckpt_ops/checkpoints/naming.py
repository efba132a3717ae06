"""Every variable that exact resume needs, by a name that is the same in each process.

A Keras model names its own variables, except what Keras does not track: a plain `tf.Variable`, a
`tf.random.Generator`, a second optimizer. These, and everything in a `tf.Module`, are named by the attributes
that lead to them. `tf.Module.variables` has neither such names nor the variables of Keras objects in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.errors import ModelCodeError


def model_variables(model: Any) -> dict[str, Any]:
    """The variables of a model by name; metrics are left out: they do not shape what comes.

    | model | names |
    |---|---|
    | `keras.Model` | `model/{path}` *with* seed-generator states, `optimizer/{path}` |
    | what Keras does not track | `untracked/{layer's path}/{attribute}/...` |
    | `tf.Module` | `{attribute}/...`: attributes, keys and positions that lead to the variable |

    Args:
        model: a compiled and built `keras.Model`, or a `tf.Module` whose variables are all created.

    Raises:
        ModelCodeError: a Keras model is not built or not compiled; a module has no variable, an optimizer
            that is not built, or a table that changes and that nothing could restore.
    """
    import keras
    import tensorflow as tf

    named: dict[str, Any] = {}
    if isinstance(model, tf.Module):
        _check_tables(model)
        _add(named, _led_to(model, ""))
        if not named:
            raise ModelCodeError(
                f"{type(model).__name__} has no variables",
                next="create all variables in build_model(), and keep them in attributes of the module",
            )
        return named
    if not model.built:
        raise ModelCodeError(
            "the model is not built", next="give it an Input layer, or call it once on a batch"
        )
    if getattr(model, "optimizer", None) is None:
        raise ModelCodeError("the model is not compiled", next="call model.compile(...) in build_model()")
    if not model.optimizer.built:  # one that scales losses would make its variables a second time
        model.optimizer.build(model.trainable_variables)
    for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        _add(named, ((f"{kind}/{variable.path}", variable) for variable in variables))
    if isinstance(model, keras.Model):
        _add(named, _untracked(model))
    return named


def optimizers(model: Any) -> list[Any]:
    """Every Keras optimizer of a model that updates weights itself, not one that wraps others."""
    import keras
    import tensorflow as tf

    own = None if isinstance(model, tf.Module) else getattr(model, "optimizer", None)
    found = [] if own is None else [own]
    holders = [model] if isinstance(model, tf.Module) else model._flatten_layers()
    found += [
        value
        for holder in holders
        for _, attribute in attributes(holder)
        for _, value in walk(attribute, "", set())
        if isinstance(value, keras.optimizers.Optimizer)
    ]
    return list({id(one): one for each in found for one in _that_update(each)}.values())


def _that_update(optimizer: Any) -> Iterator[Any]:
    inner = getattr(optimizer, "inner_optimizer", None)
    parts = [inner] if inner is not None else getattr(optimizer, "optimizers", None)
    if parts is None:
        yield optimizer
    for part in parts or ():
        yield from _that_update(part)


def tables(module: Any) -> list[Any]:
    """What serving may need of a `tf.Module` beside its variables: lookup tables, Keras layers."""
    import keras
    import tensorflow as tf

    kinds = (tf.lookup.StaticHashTable, tf.lookup.StaticVocabularyTable, keras.Layer)
    return [value for _, value in walk(module, "", set()) if isinstance(value, kinds)]


def _add(named: dict[str, Any], found: Iterator[tuple[str, Any]]) -> None:
    """Add each variable once, under the first name that leads to it."""
    there = {id(tensorflow_variable(variable)) for variable in named.values()}
    for name, variable in found:
        if id(tensorflow_variable(variable)) in there:
            continue
        there.add(id(tensorflow_variable(variable)))
        if name in named:
            name = f"{name}#{sum(other.partition('#')[0] == name for other in named)}"
        named[name] = variable


def _led_to(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Variables that `value` leads to, with their names, in an order that is the same in each process."""
    import keras
    import tensorflow as tf

    for name, found in walk(value, path, set()):
        if isinstance(found, tf.Variable | keras.Variable):
            yield name, found
        elif isinstance(found, tf.random.Generator | keras.random.SeedGenerator):
            yield f"{name}/state", found.state
        elif isinstance(found, keras.optimizers.Optimizer | keras.Layer | keras.Metric):
            if isinstance(found, keras.optimizers.Optimizer):
                _check_built(name, found)
            for variable in found.variables:
                # without its own name, which Keras numbers by what was built before in the process
                yield f"{name}/{variable.path.removeprefix(f'{found.name}/')}", variable


def walk(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Everything that attributes of modules, lists, tuples and dicts lead to."""
    import tensorflow as tf

    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, tf.Variable):
        yield path, value
    elif isinstance(value, tf.Module):
        yield from _walk_each(attributes(value), path, seen)
    elif isinstance(value, dict):
        yield from _walk_each(sorted((str(key), one) for key, one in value.items()), path, seen)
    elif isinstance(value, list | tuple):
        yield from _walk_each([(str(number), one) for number, one in enumerate(value)], path, seen)
    else:
        yield path, value


def _walk_each(parts: list[tuple[str, Any]], path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    for name, value in parts:
        yield from walk(value, f"{path}/{name}" if path else name, seen)


def attributes(holder: Any) -> list[tuple[str, Any]]:
    """Attributes without TensorFlow's bookkeeping; private ones last, so that public names win."""
    names = (name for name in vars(holder) if not name.startswith(("_self_", "_obj_reference_counts")))
    return [(name, vars(holder)[name]) for name in sorted(names, key=lambda name: (name[0] == "_", name))]


def _untracked(model: Any) -> Iterator[tuple[str, Any]]:
    """What training may change in a Keras model although Keras does not track it."""
    import keras

    for layer in model._flatten_layers():
        for attribute, value in attributes(layer):
            path = f"untracked/{layer.path}/{attribute}"
            # layers come in their own turn, and metrics do not shape what comes
            for name, found in walk(value, path, set()):
                if not isinstance(found, keras.Layer | keras.Metric):
                    yield from _led_to(found, name)


def _check_built(name: str, optimizer: Any) -> None:
    if not optimizer.built:
        raise ModelCodeError(
            f"the optimizer {name} ({type(optimizer).__name__}) is not built: its variables would be created "
            "while it trains",
            next="call its build(variables that it updates) in build_model()",
        )


def _check_tables(module: Any) -> None:
    """Refuse tables that change. Those of Keras layers do so in `adapt` only, which is before training."""
    import tensorflow as tf

    changing = tf.lookup.experimental.MutableHashTable | tf.lookup.experimental.DenseHashTable
    for name, found in walk(module, "", set()):
        if isinstance(found, changing):
            raise ModelCodeError(
                f"{name} is a {type(found).__name__}: a checkpoint does not hold its contents",
                next="keep what training changes in a tf.Variable",
            )
