"""An HTTP service around a saved pipeline; docs/guide/serving.md says how to start it."""

import os
from contextlib import asynccontextmanager
from typing import Annotated

import numpy as np
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import skdeep

Row = Annotated[list[float], Field(min_length=1)]


class Rows(BaseModel):
    """What a client sends."""

    rows: Annotated[list[Row], Field(min_length=1)]


@asynccontextmanager
async def lifespan(app):
    """Load the pipeline and let it answer once, so that no client waits for what the first prediction builds."""
    app.state.pipeline = skdeep.load(os.environ["SKDEEP_MODEL"])
    app.state.pipeline.predict(np.zeros((1, app.state.pipeline.n_features_in_)))
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
def predict(data: Rows):
    """Answer with labels and probabilities; FastAPI calls functions without async in threads."""
    pipeline = app.state.pipeline
    try:
        probabilities = pipeline.predict_proba(data.rows)
    except ValueError as error:  # such as a wrong number of columns
        raise HTTPException(422, str(error)) from error
    return {"labels": pipeline.predict(data.rows).tolist(), "probabilities": probabilities.tolist()}
