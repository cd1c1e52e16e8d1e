"""One answer: what waits, and how much may be made."""

from rxstream.sansio.ws_answer import MAX_CREDIT, Answer


def test_there_is_room_while_the_window_and_the_credit_last() -> None:
    answer = Answer("a", 2, 2)
    assert answer.has_room
    answer.queue.extend(["1", "2"])
    assert not answer.has_room
    answer.queue.clear()
    answer.spend()
    assert answer.has_room
    answer.spend()
    assert not answer.has_room


def test_credit_is_granted_and_somebody_is_told() -> None:
    told: list[int] = []
    answer = Answer(None, None, 2)
    assert answer.spent
    assert answer.has_room
    answer.spend()
    answer.on_room()  # nobody
    answer.on_room = lambda: told.append(1)
    answer.grant(3)
    assert (answer.credit, told) == (3, [1])
    assert not answer.spent
    answer.spend()
    assert answer.spent
    answer.grant(MAX_CREDIT)
    assert answer.credit == MAX_CREDIT


def test_what_waits_can_be_dropped_but_not_its_end() -> None:
    answer = Answer("a", None, 2)
    answer.queue.append("1")
    answer.drop()
    assert not answer.queue
    answer.queue.append("end")
    answer.is_over = True
    answer.drop()
    assert list(answer.queue) == ["end"]
