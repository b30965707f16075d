from __future__ import annotations

import pytest

from suite.experiments.stretches import Stretch, stretches


@pytest.mark.parametrize(("looks", "longest"), [((7, 10), 3), ((1, 2, 50), 50), ((4,), 1), ((0, 6, 6, 9), 4)])
def test_stretches_are_all_iterations_once_and_none_reaches_past_a_look(looks: tuple[int, ...], longest: int) -> None:
    found = stretches(looks, longest)
    assert [each for part in found for each in part.iterations] == list(range(looks[-1]))
    assert {part.end for part in found if part.looked_at} == set(looks) - {0}
    assert all(0 < part.end - part.first <= longest for part in found)
    # Since the look before: what is added up over stretches is divided by this.
    assert sum(part.since for part in found if part.looked_at) == looks[-1]


def test_a_stretch_knows_where_the_look_before_was() -> None:
    assert stretches((5, 8), 3) == [
        Stretch(0, 3, 0, looked_at=False),
        Stretch(3, 5, 0, looked_at=True),
        Stretch(5, 8, 5, looked_at=True),
    ]
    with pytest.raises(ValueError, match="1 iteration at least, not 0"):
        stretches((5,), 0)
