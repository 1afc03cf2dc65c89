#!/usr/bin/env python3
"""Makes expected.json: UMAP's fuzzy graph by umap-learn, principal components by NumPy, trustworthiness and
clusters by scikit-learn, on rows that the tests make, too.

    venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1 umap-learn==0.5.12
    venv/bin/python maps/tests/all/reference/make.py
"""

import json
import pathlib
import sys

import numpy as np
import umap
from sklearn.cluster import HDBSCAN
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

# What the tests of `metrics` draw from, too.
sys.path.append(str(pathlib.Path(__file__).parents[4] / "metrics/tests/all/reference"))
from uniform import uniform  # noqa: E402


def noise(seed, n, d):
    return uniform(seed, n * d).reshape(n, d) - 0.5


def blobs(n):
    """Six clouds in 40 dimensions."""
    centres = 3 * noise(1, 6, 40)
    return (centres[np.arange(n) % 6] + noise(2, n, 40)).astype(np.float32)


def ring(n):
    """A ring in 12 dimensions, a little noisy."""
    turn = 2 * np.pi * uniform(3, n)
    rows = 0.3 * noise(4, n, 12)
    rows[:, 0] += np.cos(turn)
    rows[:, 1] += np.sin(turn)
    return rows.astype(np.float32)


def roll(n):
    """A rolled-up sheet in 8 dimensions."""
    turn, along = uniform(5, n), uniform(6, n)
    angle = 1.5 * np.pi * (1 + 2 * turn)
    rows = 0.1 * noise(7, n, 8)
    rows[:, 0] += 0.2 * angle * np.cos(angle)
    rows[:, 1] += 4 * along
    rows[:, 2] += 0.2 * angle * np.sin(angle)
    return rows.astype(np.float32)


def scattered(n):
    """Three clouds of unequal density in 40 dimensions, and every fourth row in none."""
    centres, own = 6 * noise(1, 3, 40), noise(2, n, 40)
    clouds = np.arange(n) % 4
    rows = np.where(clouds[:, None] == 3, 20 * own, 0)
    for cloud in range(3):
        rows[clouds == cloud] = centres[cloud] + (cloud + 1) * own[clouds == cloud]
    return rows.astype(np.float32)


SETS = {"blobs": blobs, "ring": ring, "roll": roll}
answers = {"version": umap.__version__}
rows = blobs(160).astype(np.float64)
for metric in ["euclidean", "manhattan", "cosine"]:
    # Its own neighbours are approximate, and its cosines are rounded by more than is compared here.
    distances, places = NearestNeighbors(n_neighbors=15, metric=metric, algorithm="brute").fit(rows).kneighbors(rows)
    distances[:, 0] = 0  # Itself, but for rounding.
    graph, _, _ = umap.umap_.fuzzy_simplicial_set(
        rows, 15, np.random.RandomState(0), metric, knn_indices=places, knn_dists=distances.astype(np.float32)
    )
    upper = graph.tocoo()
    ties = sorted((int(i), int(j), float(w)) for i, j, w in zip(upper.row, upper.col, upper.data) if i < j and w > 0)
    answers[f"graph_{metric}"] = [[i, j, round(w, 8)] for i, j, w in ties]
centred = blobs(160).astype(np.float64)
centred -= centred.mean(0)
u, s, _ = np.linalg.svd(centred, full_matrices=False)
answers["variances"] = (s[:5] ** 2 / (len(centred) - 1)).tolist()
answers["first"] = np.abs(u[:, 0] * s[0]).tolist()
answers["trustworthiness"] = {
    name: max(trustworthiness(of(600), umap.UMAP(random_state=seed).fit_transform(of(600)), n_neighbors=15) for seed in range(3))
    for name, of in SETS.items()
}
flat = blobs(160)[:, :2]
answers["trustworthiness_of_two_columns"] = trustworthiness(blobs(160), flat, n_neighbors=15)
answers["clusters"] = HDBSCAN(min_cluster_size=8, copy=True).fit_predict(scattered(240).astype(np.float64)).tolist()
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(answers) + "\n")
print(path, answers["trustworthiness"])
