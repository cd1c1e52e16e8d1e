"""Good operators pass; each broken one is caught, by the law that it breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from operator import add, not_
from typing import Any

import anyio
import pytest
import reactivex
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.testing import check_operator
from tests.laws.registry import OPERATORS, Op
from tests.laws.test_stream_laws import pieces

TEXT = ["Hel", "lo wor", "ld, ", "you"]

#: Without their types: nobody infers those of a lambda here.
stock: Any = ops

Operator = Callable[[Observable[Any]], Observable[Any]]


@pytest.mark.parametrize("op", OPERATORS, ids=str)
def test_our_operators_pass(op: Op) -> None:
    check_operator(op.make(), pieces(op), join=op.join or ("".join if op.rewrites else None))


def twice(item: Any) -> Observable[Any]:
    return reactivex.of(item, item)


STOCK: dict[str, Operator] = {
    "map": stock.map(str),
    "filter": stock.filter(bool),
    "take": stock.take(2),
    "scan": stock.scan(add),
    "buffer_with_count": stock.buffer_with_count(2),
    "to_list": stock.to_list(),
    "retry": stock.retry(3),
    "delay": stock.delay(2.0),
    "debounce": stock.debounce(1.0),
    "flat_map": stock.flat_map(twice),
}


@pytest.mark.parametrize("name", STOCK)
def test_stock_operators_pass(name: str) -> None:
    check_operator(STOCK[name], [1, 2, 3])


def test_a_chain_is_an_operator() -> None:
    check_operator(lambda source: source.pipe(rxs.buffer_words(), stock.map(len)), TEXT)


def mapped(function: Callable[[Any], Any]) -> Operator:
    operator: Operator = stock.map(function)
    return operator


def test_an_operator_on_each_piece_breaks_the_law_of_cuts() -> None:
    with pytest.raises(
        AssertionError, match=r"law of cuts, on asyncio: where text is cut.*\n  input   'Hello"
    ):
        check_operator(mapped(str.split), TEXT)
    check_operator(mapped(str.split), TEXT, cuts=False)


def test_join_says_what_is_compared() -> None:
    with pytest.raises(AssertionError, match="law of cuts"):
        check_operator(mapped(str.upper), TEXT)
    check_operator(mapped(str.upper), TEXT, join="".join)


def test_a_fault_that_depends_on_the_cut_breaks_the_law_of_cuts() -> None:
    def refuse(piece: str) -> str:
        if len(piece) == 1:
            raise ValueError("too short")
        return ""

    with pytest.raises(AssertionError, match=r"then ValueError\('too short'\)"):
        check_operator(mapped(refuse), TEXT, join="".join)


def through_queue(source: Observable[Any]) -> Observable[Any]:
    """Read the source in a task, as fast as it comes, whatever the reader does."""

    async def read() -> AsyncIterator[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        reading = asyncio.ensure_future(rxs.to_list(source, on_item=queue.put_nowait))
        reading.add_done_callback(queue.put_nowait)
        while (item := await queue.get()) is not reading:
            yield item

    return rxs.from_stream(read)


def test_reading_ahead_breaks_the_law_of_demand() -> None:
    items = list(range(20))
    with pytest.raises(AssertionError, match="law of demand, on asyncio: when the reader had item"):
        check_operator(through_queue, items)


def test_ahead_says_how_far_is_allowed() -> None:
    def two_ahead(source: Observable[Any]) -> Observable[Any]:
        return reactivex.merge(source, reactivex.never().pipe(stock.take_until(source.pipe(stock.last()))))

    # A merge of two sources lets each of them run ahead by its credit.
    with pytest.raises(AssertionError, match="law of demand"):
        check_operator(two_ahead, range(40))
    check_operator(two_ahead, range(40), ahead=40)


def test_opening_the_source_at_once_breaks_the_law_of_demand() -> None:
    def eager(source: Observable[Any]) -> Observable[Any]:
        reading = asyncio.ensure_future(rxs.to_list(source))

        async def read() -> AsyncIterator[Any]:
            for item in await reading:
                yield item

        return rxs.from_stream(read)

    with pytest.raises(AssertionError, match="opened before an item was asked for"):
        check_operator(eager, [1, 2])


def test_another_error_breaks_the_law_of_errors() -> None:
    def replace(error: Exception, _: Observable[Any]) -> Observable[Any]:
        return reactivex.throw(ValueError("something went wrong"))

    with pytest.raises(AssertionError, match="and the reader got ValueError"):
        check_operator(stock.catch(replace), [1, 2])


def test_a_swallowed_error_breaks_the_law_of_errors() -> None:
    swallow: Operator = stock.catch(reactivex.empty())
    with pytest.raises(AssertionError, match=r"law of errors, on asyncio: .* the reader got None"):
        check_operator(swallow, [1, 2])
    check_operator(swallow, [1, 2], recovers=True)


def test_state_outside_the_subscription_breaks_the_law_of_subscriptions() -> None:
    numbers: Iterator[int] = count()
    with pytest.raises(AssertionError, match="law of subscriptions, on asyncio: of two subscriptions"):
        check_operator(mapped(lambda item: (next(numbers), item)), [1, 2])


def test_a_source_that_stays_open_breaks_the_law_of_closing() -> None:
    def leaky(source: Any) -> Observable[Any]:
        async def read() -> AsyncIterator[Any]:
            async for item in source.upstream.opener():
                yield item

        return rxs.from_stream(read)

    with pytest.raises(
        AssertionError, match=r"law of closing, on asyncio: when its end was seen, .* 0 times"
    ):
        check_operator(leaky, [1, 2])


def test_a_task_that_stays_breaks_the_law_of_leftovers() -> None:
    def lingering(source: Observable[Any]) -> Observable[Any]:
        def linger(item: Any) -> Any:
            tasks.append(asyncio.ensure_future(anyio.sleep_forever()))
            return item

        return source.pipe(stock.map(linger))

    tasks: list[Any] = []
    with pytest.raises(AssertionError, match=r"law of leftovers, on asyncio: .* 2 more tasks than before"):
        check_operator(lingering, [1, 2])


def test_items_of_which_nothing_comes_prove_nothing() -> None:
    with pytest.raises(ValueError, match="it made nothing of"):
        check_operator(stock.filter(not_), [1, 2])


@pytest.mark.anyio
async def test_inside_a_loop_it_says_where_it_belongs() -> None:
    with pytest.raises(rxs.UsageError, match="Call it in a synchronous test"):
        check_operator(stock.map(str), [1])
