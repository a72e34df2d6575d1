"""Data frames that tasks give to each other; flytekit makes structured datasets of them."""

from typing import Annotated

import pandas as pd
from flytekit import kwtypes, task, workflow
from flytekit.types.structured import StructuredDataset


@task
def read(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(rows)})


@task
def typed(frame: pd.DataFrame) -> Annotated[pd.DataFrame, kwtypes(n=int, name=str)]:
    return frame.assign(name="x")


@task
def either(frame: StructuredDataset) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    found = frame.open(pd.DataFrame).all()
    return found, [found]


@workflow
def frames(rows: int = 3) -> pd.DataFrame:
    found, _ = either(frame=typed(frame=read(rows=rows)))
    return found
