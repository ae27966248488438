"""Calls beside the reading of a recording are made in order, bounded, and fail loudly."""

import threading
import time

import pytest

from detector.beside import Beside


def test_calls_are_made_in_order_in_one_other_thread() -> None:
    made: list[int] = []
    threads = set()

    def note(number: int) -> None:
        time.sleep(0.001 * (number % 3))
        made.append(number)
        threads.add(threading.get_ident())

    with Beside(5) as beside:
        for number in range(20):
            beside(note, number)
        beside.finish()
    assert made == list(range(20))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_no_more_wait_than_is_said() -> None:
    gate = threading.Event()
    begun: list[int] = []

    def held(number: int) -> None:
        gate.wait(10)
        begun.append(number)

    with Beside(2) as beside:
        beside(held, 0)
        beside(held, 1)
        third = threading.Thread(target=beside, args=(held, 2))
        third.start()
        third.join(0.2)
        assert third.is_alive() and not begun
        gate.set()
        third.join(10)
        assert not third.is_alive()
        beside.finish()
    assert begun == [0, 1, 2]


def test_an_error_comes_out_and_the_rest_is_not_begun() -> None:
    later: list[int] = []

    def fail() -> None:
        time.sleep(0.05)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Beside(20) as beside:
        beside(fail)
        for number in range(5):
            beside(lambda: time.sleep(0.2))
            beside(later.append, number)
        beside.finish()
    assert later == []
