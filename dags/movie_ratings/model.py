"""The model: a person, a film and its genres in, stars out. Imported only where it trains."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa

from ckpt_ops import Examples, LazyAdam

USERS, MOVIES, FACTORS = 1_024, 200_000, 16  # expectations.json keeps ids below these
GENRES = (
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "IMAX",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


def examples(table: pa.Table) -> Examples:
    """Inputs by name: user, movie (int64, (rows,)); genres (float32, (rows, 19), 1 where the film is of it).

    Each person's films are ranked: a row's group is who rated.
    """
    genres = [said.split("|") for said in table["genres"].to_pylist()]
    is_of = np.array([[genre in said for genre in GENRES] for said in genres], np.float32)
    users = table["user"].to_numpy()
    return Examples(
        inputs={
            "user": users,
            "movie": table["movie"].to_numpy(),
            "genres": is_of.reshape(-1, len(GENRES)),
        },
        labels=table["rating"].to_numpy().astype(np.float32),
        groups=users,
    )


def build_model() -> keras.Model:
    """Factors of person and film, multiplied, and what each adds by itself (Koren, Bell and Volinsky, 2009).

    With Keras' own Adam every film ever seen would move at every step, and be in every checkpoint.
    """
    user = keras.Input((), dtype="int64", name="user")
    movie = keras.Input((), dtype="int64", name="movie")
    genres = keras.Input((len(GENRES),), name="genres")
    of_user = _table(USERS, FACTORS, "user_factors")(user)
    of_movie = _table(MOVIES, FACTORS, "movie_factors")(movie)
    of_genres = keras.layers.Dense(FACTORS, use_bias=False, name="genre_factors")(genres)
    liking = keras.layers.Dot(1, name="liking")([of_user, keras.layers.Add()([of_movie, of_genres])])
    usual = keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(3.5), name="usual")(genres)
    stars = keras.layers.Add(name="stars")(
        [liking, usual, _table(USERS, 1, "user_bias")(user), _table(MOVIES, 1, "movie_bias")(movie)]
    )
    model = keras.Model({"user": user, "movie": movie, "genres": genres}, stars, name="movie_ratings")
    model.compile(optimizer=LazyAdam(3e-3), loss="mse", jit_compile=False)
    return model


def _table(rows: int, width: int, name: str) -> keras.layers.Embedding:
    start = keras.initializers.RandomNormal(stddev=0.05) if width > 1 else "zeros"
    return keras.layers.Embedding(rows, width, embeddings_initializer=start, name=name)
