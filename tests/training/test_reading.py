import threading

import pytest

from denoiser.training.reading import side_by_side


def test_results_come_in_the_order_of_what_was_asked():
    release = threading.Event()

    def work(number):
        if number == 0:
            release.wait(5)  # the first is the last to be done
        elif number == 1:
            release.set()
        return number * number

    assert list(side_by_side(work, range(6))) == [0, 1, 4, 9, 16, 25]


def test_an_error_is_raised_where_its_result_would_have_come():
    def work(number):
        if number == 2:
            raise ValueError("the third")
        return number

    results = side_by_side(work, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)


def test_who_stops_listening_stops_the_work():
    begun = []
    gate = threading.Event()

    def work(number):
        begun.append(number)
        if number:
            gate.wait(5)
        return number

    results = side_by_side(work, range(1000))
    next(results)
    results.close()
    gate.set()
    assert len(begun) < 1000
