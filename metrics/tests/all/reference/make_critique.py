#!/usr/bin/env python3
"""Makes critique.json: intervals of shares of finite populations, Fisher's test and Cohen's kappa by SciPy, scikit-learn and statsmodels.

    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0
    venv/bin/python metrics/tests/all/reference/make_critique.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import fisher_exact, hypergeom, permutation_test
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

LEVEL = 0.95


def exact(population, sample, found):
    """The numbers of which neither one-sided test is significant, one by one."""
    tail = (1 - LEVEL) / 2
    kept = [
        having
        for having in range(found, population - (sample - found) + 1)
        if hypergeom.cdf(found, population, having, sample) > tail
        and hypergeom.sf(found - 1, population, having, sample) > tail
    ]
    return [kept[0] / population, kept[-1] / population]


POPULATIONS = [(1300, 200, 0), (1300, 200, 6), (1300, 230, 8), (1300, 300, 9), (1300, 1300, 40), (50, 10, 10), (50, 10, 3), (7, 1, 1), (732, 602, 18)]
TABLES = [(3, 1, 1, 3), (10, 2, 3, 40), (0, 5, 7, 30), (12, 0, 4, 9), (1, 200, 30, 900), (40, 60, 35, 200), (0, 0, 3, 4)]
generator = np.random.default_rng(0)
first = generator.integers(0, 3, 120)
second = np.where(generator.random(120) < 0.7, first, generator.integers(0, 3, 120))
crossed = np.zeros((3, 3))
for a, b in zip(first, second):
    crossed[a, b] += 1
kappa = cohens_kappa(crossed)
assert abs(kappa.kappa - cohen_kappa_score(first, second)) < 1e-12
pairs = [([0.7, 0.8, 0.9], [0.5, 0.6, 0.55, 0.72, 0.4, 0.61, 0.3]), ([1.0, 2.0, 2.0, 4.0], [2.0, 3.0, 1.0, 0.5, 2.5]), ([0.1, 0.4], [0.2, 0.05, 0.15, 0.3])]
answers = {
    "exceeds": [
        {
            "a": a,
            "b": b,
            "p": permutation_test(
                (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="independent", alternative="greater", n_resamples=np.inf
            ).pvalue,
        }
        for a, b in pairs
    ],
    "prevalence": [{"of": list(of), "interval": exact(*of)} for of in POPULATIONS],
    "fisher": [
        {
            "of": list(table),
            "odds_ratio": None if not np.isfinite(ratio := fisher_exact([table[:2], table[2:]]).statistic) else ratio,
            "two_sided": fisher_exact([table[:2], table[2:]]).pvalue,
            "more": fisher_exact([table[:2], table[2:]], alternative="greater").pvalue,
        }
        for table in TABLES
    ],
    "first": first.tolist(),
    "second": second.tolist(),
    "kappa": kappa.kappa,
    "kappa_error": kappa.std_kappa,
}
path = pathlib.Path(__file__).with_name("critique.json")
path.write_text(json.dumps(answers, indent=1) + "\n")
print(path)
