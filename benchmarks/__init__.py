"""Our budgets, measured: ``python -m benchmarks [--json FILE] [--quick] [ROW ...]``.

Both sides of a row run in one process, in turns, on the same input, and read it to its end. What is
compared is CPU time per item, each side's best of several rounds, with the garbage collector off; so a busy
machine blurs the ratio little, and the nanoseconds more. Trust the ratios.

A row is ``ok`` when it reaches its aim, ``below aim`` when it reaches its minimum only, and ``FAILS``
below that, which makes the exit code 1. "cheaper" is their cost divided by ours, "of its cost" ours divided
by theirs. Rows without a minimum hide nothing: they are harder peers, or the parts that a cost consists of.

Everything runs on asyncio. The inputs are recordings of a real model, cut as the network cut them, and
numbers; see ``workloads``. ``tests/test_benchmarks.py`` proves that all contenders give the same output.

Where we lose, and why:

* Stock operators cost more than async generators. Between two of them Rx calls a closure that calls the
  mapper, an async generator resumes a frame; that is about even. What is left is the way in and out: the
  pump's own loop is one more async generator, with a queue between the chain's end and the reader.
* Against generators with the machines' code written into them by hand (``inlined``) our operators lose:
  such code knows that its input is ``str``, while ours looks at each item for a chunk, and
  calls a machine for it. The price of the machines is their freedom from the loop around them.
* Of a whole request most is the transport's: eight nested generators of the HTTP client, for every read.
  See the parts below the row.
"""
