"""Keep a TensorFlow model fresh: slices in, checkpoints and promoted versions out."""

__version__ = "0.1.0"
