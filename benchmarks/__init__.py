"""Our budgets, measured: ``python -m benchmarks [--json FILE] [--quick] [ROW ...]``.

Both sides of a row run in one process, in turns, on the same input, and read it to its end. What is
compared is CPU time per item, each side's best of several rounds, with the garbage collector off; so a busy
machine blurs the ratio little, and the nanoseconds more. Trust the ratios.

A row is ``ok`` when it reaches its aim, ``below aim`` when it reaches its minimum only, and ``FAILS``
below that, which makes the exit code 1. "cheaper" is their cost divided by ours, "of its cost" ours divided
by theirs. Rows without a minimum hide nothing: they are harder peers, or the parts that a cost consists of.

``partial-json`` compares with reading all of the text so far for every chunk, as the openai SDK does. To do
that 250,000 times takes minutes, so it is done at 40 places at equal distances; ours runs in full.
``partial-json-growth`` and ``worst-documents`` compare with ourselves on a short document: a ratio of 2
over three decades, or of 1.58 over two, is an exponent of 1.1. Of the worst documents each parser's line is
the one that grew most.

``merge`` compares with ourselves, ten streams: the items are as many in all, so each of a thousand
streams has 200, and opening and closing it is part of them. ``bare-chain`` compares a chain from a source
to a loop with the same that has one operator in it; both rows take sources whose items are ready at once,
and others that give the event loop a turn for each, which costs 2.5 us by itself. ``many-streams`` has a
thousand requests open at once, in one process and thread, with more reads than one core can keep up with;
per chunk it counts the request, too. Its memory is that of streams held in the middle of their answers,
in a process of its own for each contender: what Python's allocator gives (``tracemalloc``, the same in
every run), and what the process grows by. No sockets are among it, and no TLS, which cost everybody the
same.

Everything runs on asyncio. The inputs are recordings of a real model, cut as the network cut them, and
numbers; see ``workloads``. ``tests/test_benchmarks.py`` proves that all contenders give the same output.

Where we lose, and why:

* Stock operators cost more than async generators. A stage of either costs about the same: Rx calls a
  closure that calls the mapper, an async generator resumes a frame. What is left is the way in and out:
  the pump's loop is one more async generator, with a queue between the chain's end and the reader.
* With a filter that drops half of the items the lead over aiostream is smaller, since what does not
  depend on the number of stages weighs more. The budget is for items that come out.
* Against generators with the machines' work written into them by hand our operators lose: such code knows
  that its input is ``str``, while ours looks at each item for a chunk, and calls a machine for it. That
  is what it costs that a machine can be tested, and used, without a loop around it.
* A loop that counts braces is cheaper than ``parse_json``: it checks nothing, is wrong about a stray
  brace or quote in the prose, and decodes what it has when the braces match, whatever that is. Ours reads
  JSON's grammar as it comes, so it knows at which character an object is none.
* A snapshot of a partial document copies the lists and objects that are open. Asked for after each chunk
  of a long list it is not flat, though it is a hundred times cheaper than reading everything again.
* Of a whole request a good part is the transport's, see the parts below the row. Ours skips two of the
  SDK's generators where nothing is compressed, so "bytes alone" is a little more than what it costs in
  ours.
* An item of a thousand merged streams costs more than one of ten where all are ready at once, though it
  takes as many calls. We put it down to the caches: a stream is some 14 KB, and the next item is always
  another stream's. Where items are awaited, ten streams pay for more turns of the event loop.
* Each chunk that is waited for under ``timeout_stream`` is waited for in a cancel scope, and a scope's
  way in and out costs more than the rest of a chain.
* Behind ``backpressure`` and ``share_stream`` the reader is a task, and the source another: for each item
  that does not come in a bunch the event loop changes from one to the other. Two readers are two such
  tasks. ``pace_stream`` adds a timer. A single chain alone in its process pays for a turn of the loop
  each time, which many chains share.
* An open stream takes more memory than the SDK's: a pump, the stages of the chain and, with
  ``timeout_stream`` and ``retry_stream``, the answer so far, which an error brings along and a retry goes
  on from.
"""
