import threading

import pytest

from denoiser.engine.channel import Channel, Closed


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
