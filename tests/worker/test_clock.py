"""The clock's own exceptions, where a library takes them for its own."""

from __future__ import annotations

from typing import Any, cast

import pytest

pytestmark = pytest.mark.tf


def test_what_a_bare_handler_makes_of_the_clock_is_no_fault() -> None:
    from kls.worker.dryrun import gaps
    from kls.worker.dryrun.state import Finished, Run

    with pytest.raises(TypeError) as caught:
        try:
            raise Finished("the dry run stopped after 8 s")
        except BaseException:
            raise TypeError("Cannot find maximum value of <dtype: 'int32'>.")  # noqa: B904
    assert gaps.gap_kind(cast(Run, cast(Any, None)), caught.value) == ("time", "the dry run stopped after 8 s")
