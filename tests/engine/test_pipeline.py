"""Streams of pictures through a real session with small random weights."""

import threading
import time

import numpy as np
import pytest

from denoiser.engine import Cleaned, Session, open_session
from denoiser.engine.pipeline import Channel, Closed
from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions


def test_first_in_first_out_until_the_end():
    channel: Channel[str] = Channel(10)
    channel.put("a")
    channel.put("b")
    channel.end()
    assert [channel.get(), channel.get()] == ["a", "b"]
    with pytest.raises(Closed):
        channel.get()


def test_who_does_not_wait_is_told_that_there_is_nothing_yet():
    channel: Channel[str] = Channel(1)
    assert channel.get(wait=False) is None
    channel.end()
    with pytest.raises(Closed):
        channel.get(wait=False)


def test_a_full_channel_waits_and_one_heavy_thing_still_passes():
    channel: Channel[str] = Channel(3)
    channel.put("heavier than all", 9)
    entered = threading.Event()

    def put() -> None:
        channel.put("next", 1)
        entered.set()

    thread = threading.Thread(target=put)
    thread.start()
    assert not entered.wait(0.05)
    channel.put("news weigh nothing", 0)
    assert channel.get() == "heavier than all"
    assert entered.wait(5)
    thread.join()
    assert [channel.get(), channel.get()] == ["news weigh nothing", "next"]


def test_an_abandoned_channel_lets_both_sides_go():
    channel: Channel[str] = Channel(1)
    channel.put("a")
    closed = []

    def put() -> None:
        try:
            channel.put("b")
        except Closed:
            closed.append(True)

    thread = threading.Thread(target=put)
    thread.start()
    channel.abandon()
    thread.join(5)
    assert closed == [True]
    with pytest.raises(Closed):
        channel.get()


@pytest.fixture
def session(tiny_weights) -> Session:
    return open_session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128))


def _picture(number: int, height: int = 70, width: int = 90) -> Image:
    chance = np.random.default_rng(number)
    return from_numpy(chance.integers(0, 256, (height, width, 3)).astype(np.uint8))


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("denoise-engine")}


def test_each_result_comes_under_the_name_of_its_picture(session):
    pictures = {f"picture {n}": _picture(n, height=60 + 17 * n) for n in range(5)}
    results = dict(session.clean_many(pictures.items()))
    assert results.keys() == pictures.keys()
    for name, cleaned in results.items():
        assert isinstance(cleaned, Cleaned)
        assert np.array_equal(cleaned.image.pixels, session.clean(pictures[name]).image.pixels)
    assert not _threads()


def test_tiles_of_several_pictures_share_a_batch_and_not_a_bit_changes(tiny_weights):
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128, batch_size=4)
    together, one_by_one = (
        open_session(options),
        open_session(DenoiseOptions(**{**_words(options), "batch_size": 1})),
    )
    pictures = [(n, _picture(n, 60 + 40 * (n % 3), 250)) for n in range(6)]
    for name, cleaned in together.clean_many(pictures):
        assert np.array_equal(cleaned.image.pixels, one_by_one.clean(pictures[name][1]).image.pixels)


def test_what_needs_no_network_passes_through(tiny_weights):
    session = open_session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", strength=0))
    picture = _picture(0)
    [(name, cleaned)] = session.clean_many([("a", picture)])
    assert name == "a"
    assert cleaned.image is picture


def test_progress_is_reported_in_the_calling_thread(session):
    heard = []

    def on_tile(name, event):
        assert threading.current_thread() is threading.main_thread()
        heard.append((name, event.done, event.total))

    list(session.clean_many([("a", _picture(0)), ("b", _picture(1, 70, 300))], on_tile=on_tile))
    total = heard[-1][2]
    assert total > 1
    assert heard == [("a", 1, 1), *(("b", n + 1, total) for n in range(total))]


def test_the_error_of_one_picture_is_a_value(session, monkeypatch):
    prepare = session.prepare

    def prepare_but_one(image):
        if image.height == 66:
            raise DenoiserError("this one is broken")
        return prepare(image)

    monkeypatch.setattr(session, "prepare", prepare_but_one)
    results = dict(session.clean_many([(1, _picture(1)), (2, _picture(2, height=66)), (3, _picture(3))]))
    assert isinstance(results[1], Cleaned) and isinstance(results[3], Cleaned)
    assert str(results[2]) == "this one is broken"


def test_when_the_network_fails_those_under_way_get_the_error_and_the_others_go_on(session, monkeypatch):
    compute, calls = session.compute, []

    def fail_once(canvases, **words):
        calls.append(True)
        if len(calls) > 1:
            yield from compute(canvases, **words)
            return
        next(canvas for canvas in canvases if canvas is not None)
        raise DenoiserError("no memory left")

    monkeypatch.setattr(session, "compute", fail_once)
    results = dict(session.clean_many([(n, _picture(n)) for n in range(3)]))
    assert str(results[0]) == "no memory left"
    assert isinstance(results[1], Cleaned) and isinstance(results[2], Cleaned)


def test_what_the_pictures_raise_is_raised_after_the_results(session):
    def pictures():
        yield 1, _picture(1)
        raise OSError("the disk is gone")

    got = []
    with pytest.raises(OSError, match="the disk is gone"):
        got.extend(session.clean_many(pictures()))
    assert [name for name, _ in got] == [1]
    assert not _threads()


def test_a_cancel_ends_the_stream(session):
    cancel = CancelToken()
    stream = session.clean_many(((n, _picture(n)) for n in range(1000)), cancel=cancel)
    next(stream)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(stream)
    assert not _threads()


def test_who_stops_listening_leaves_no_thread(session):
    taken = []

    def endless():
        n = 0
        while True:
            taken.append(n)
            yield n, _picture(n)
            n += 1

    stream = session.clean_many(endless())
    next(stream)
    stream.close()
    assert not _threads()
    count = len(taken)
    time.sleep(0.05)
    assert len(taken) == count


def test_a_slow_listener_holds_the_reader_back(tiny_weights):
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", strength=0, memory=0.1)
    session = open_session(options)
    taken = []

    def pictures():
        for n in range(40):
            taken.append(n)
            yield n, from_numpy(np.zeros((2000, 8000, 3), np.uint8))  # 48 MB, half of the ceiling

    stream = session.clean_many(pictures())
    next(stream)
    time.sleep(0.3)
    stream.close()
    # One with the listener, and one each in both channels and in the hands of both threads.
    assert 2 <= len(taken) <= 5


def _words(options: DenoiseOptions) -> dict[str, object]:
    return {name: getattr(options, name) for name in options.__slots__}
