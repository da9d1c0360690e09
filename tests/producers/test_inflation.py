from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from producers.errors import FixAndRestart
from producers.inflation import load_cpi


def test_a_month_is_known_only_in_the_middle_of_the_next() -> None:
    cpi = load_cpi()
    assert str(cpi.known_at(np.datetime64("2019-06-14")).month[-1]) == "2019-04"
    assert str(cpi.known_at(np.datetime64("2019-06-15")).month[-1]) == "2019-05"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2019-01-31,250\n2019-03-31,251\n", ":3: expected month 2019-02"),
        ("2019-01-31,-1\n", ":2: the index must be > 0"),
        ("2019-01-31,x\n", ":2: expected date,close"),
        ("", "no rows"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, rows: str, says: str) -> None:
    path = tmp_path / "cpi.csv"
    path.write_text("date,close\n" + rows)
    with pytest.raises(FixAndRestart) as caught:
        load_cpi(path)
    assert says in str(caught.value)
