"""The model: an hour's weather in, the probability of rain in the next out. Imported only where it trains."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from ckpt_ops import Examples

# what an hour usually is, and how much it varies, over the year
_USUAL = {
    "temp": (55.3, 17.8),
    "dewp": (41.4, 19.4),
    "humid": (62.5, 19.4),
    "wind_speed": (10.5, 8.5),
    "pressure": (1017.9, 7.4),
    "visib": (9.3, 2.1),
}
_FEATURES = len(_USUAL) + 4
_HIDDEN = 24
_RAIN_WEIGHS = 5.0
_RATE, _DECAY, _DECAY_OF_SQUARES = 2e-3, 0.9, 0.999


def examples(table: pa.Table) -> Examples:
    """One input, weather: float32 of shape (rows, 10).

    Rain is rare, so an hour that it follows weighs more in training. Evaluation is not weighted: gates ask
    for average precision, which does not reward saying "no rain" always.
    """
    table = table.filter(pc.is_valid(table["rain_follows"]))
    columns = [
        (pc.fill_null(table[name], usual).to_numpy() - usual) / varies
        for name, (usual, varies) in _USUAL.items()
    ]
    direction = np.deg2rad(pc.fill_null(table["wind_dir"], 0.0).to_numpy())
    precip = table["precip"].to_numpy()
    columns += [np.sin(direction), np.cos(direction), precip > 0, np.sqrt(precip)]
    rains = table["rain_follows"].to_numpy(zero_copy_only=False).astype(np.float32)
    return Examples(
        inputs={"weather": np.stack(columns, axis=1).astype(np.float32)},
        labels=rains,
        weights=np.where(rains > 0, np.float32(_RAIN_WEIGHS), np.float32(1.0)),
        segments={"origin": np.asarray(table["origin"].to_pylist(), dtype=object)},
    )


class RainModule(tf.Module):
    """One hidden layer, and Adam (Kingma and Ba, 2014) by hand: nothing of Keras is in it."""

    def __init__(self) -> None:
        super().__init__(name="rain")
        draw = np.random.default_rng(0).standard_normal
        shapes = {
            "hidden": (_FEATURES, _HIDDEN),
            "hidden_bias": (_HIDDEN,),
            "out": (_HIDDEN, 1),
            "out_bias": (1,),
        }
        self.weights = {
            name: tf.Variable(
                (draw(shape) / np.sqrt(shape[0]) if len(shape) > 1 else np.zeros(shape)).astype(np.float32),
                name=name,
            )
            for name, shape in shapes.items()
        }
        # by this name it is known for one: when weights are averaged, these are not
        self.optimizer = {
            "steps": tf.Variable(0.0),
            "means": {name: tf.Variable(tf.zeros_like(one)) for name, one in self.weights.items()},
            "squares": {name: tf.Variable(tf.zeros_like(one)) for name, one in self.weights.items()},
        }

    def __call__(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Probabilities, shape (rows,)."""
        return tf.sigmoid(self._logits(inputs["weather"]))

    def train_step(
        self, inputs: dict[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """One update by the weighted cross entropy."""
        names = list(self.weights)
        with tf.GradientTape() as tape:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, self._logits(inputs["weather"]))
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        gradients = tape.gradient(loss, [self.weights[name] for name in names])
        steps = self.optimizer["steps"].assign_add(1.0)
        rate = _RATE * tf.sqrt(1 - _DECAY_OF_SQUARES**steps) / (1 - _DECAY**steps)
        for name, gradient in zip(names, gradients, strict=True):
            mean, square = self.optimizer["means"][name], self.optimizer["squares"][name]
            mean.assign(_DECAY * mean + (1 - _DECAY) * gradient)
            square.assign(_DECAY_OF_SQUARES * square + (1 - _DECAY_OF_SQUARES) * gradient**2)
            self.weights[name].assign_sub(rate * mean / (tf.sqrt(square) + 1e-7))
        return {"loss": loss}

    def _logits(self, weather: tf.Tensor) -> tf.Tensor:
        hidden = tf.nn.relu(weather @ self.weights["hidden"] + self.weights["hidden_bias"])
        return (hidden @ self.weights["out"] + self.weights["out_bias"])[:, 0]


def build_model() -> RainModule:
    """The module, with all its variables."""
    return RainModule()
