"""Our budgets, measured: ``python -m benchmarks [--save] [--json FILE] [--quick] [ROW ...]``.

Each contender has a process of its own (forked, so POSIX only). They work in turns, on the same input, and
read it to its end: what slows the machine down for a while hits all of them. What is compared is CPU time per
item, each side's best of several rounds, with the garbage collector off; so a busy machine blurs the ratio
little, and the nanoseconds more. Trust the ratios. In one more round, which is not timed, ``tracemalloc``
tells what each had allocated at the most, apart from its input: "memory, theirs".

A line is ``ok`` when it reaches its aim, ``below aim`` when it reaches its minimum only, and ``FAILS`` below
that, which makes the exit code 1. "cheaper" is their cost divided by ours (with an x), "of its cost" ours
divided by theirs, "as many" what we get right for each that they do. Lines without a minimum hide nothing:
they are harder peers, or the parts that a cost consists of. What is compared with a peer that is not
installed is ``not installed``, and the others go on.

``--save`` writes ``results.json`` and ``pictures/`` beside this file. The pictures are drawn from the
results and nothing else; ``--draw`` draws them anew without measuring.

* ``throughput``: bytes or characters a second against the size of the chunks, on logarithmic axes, so that
  equal distances are equal ratios. Events are decoded by the decoders alone; sentences and words go the whole
  way, from an async iterator to ``async for``.
* ``partial-json``: the time for a whole document against its length. One step to the right is ten times the
  text; a line that rises by one step is linear, by two quadratic.
* ``first-token``: how late the first token is, from when its bytes are there. Of many answers, sorted: at 50
  on the horizontal axis is the median. Wall time; the request, the network and the model, which take a
  thousand times as long, are not among it.
* ``load``: what the server's process takes for an event, from the row ``serving``. At a model's pace each
  is a timer, a turn of the event loop and a write by itself, whoever serves it.

What the rows are:

``partial-json`` compares with reading all of the text so far for every chunk, as the openai SDK does. To do
that 250,000 times takes minutes, so it is done at 40 places at equal distances; ours runs in full.
``partial-json-growth`` and ``worst-documents`` compare with ourselves on a short document: a ratio of 2
over three decades, or of 1.58 over two, is an exponent of 1.1. Of the worst documents each parser's line is
the one that grew most; what is compared there runs in one process.

``sentences`` compares the machines alone, fed alike. The peer has options, and its best are not those that it
has by default: they were looked for, and each group of golden rules is counted with those that suit it. What
it costs depends on the text: behind a full stop that ended nothing, such as the one of "1.", it splits all of
the unfinished sentence again at each character. So the budget is for recorded answers of all kinds, and a
plain story has a line of its own.

``merge`` compares with ourselves, ten streams: the items are as many in all, so each of a thousand
streams has 200, and opening and closing it is part of them. ``bare-chain`` compares a chain from a source
to a loop with the same that has one operator in it; both rows take sources whose items are ready at once,
and others that give the event loop a turn for each, which costs 2.5 us by itself. ``many-streams`` has a
thousand requests open at once, in one process and thread, with more reads than one core can keep up with;
per chunk it counts the request, too. Its memory is that of streams held in the middle of their answers:
what Python's allocator gives, and what the process grows by. No sockets are among it, and no TLS, which cost
everybody the same. ``import`` counts all that a new process does, less what it does without an import.

Everything runs on asyncio. The inputs are recordings of a real model, cut as the network cut them, and
numbers; see ``workloads``. ``tests/test_benchmarks.py`` proves that all contenders give the same output.

Where we lose, and why:

* Stock operators cost more than async generators. A stage of either costs about the same: Rx calls a
  closure that calls the mapper, an async generator resumes a frame. What is left is the way in and out:
  the pump's loop is one more async generator, with a queue between the chain's end and the reader.
* With a filter that drops half of the items the lead over aiostream is smaller, since what does not
  depend on the number of stages weighs more. The budget is for items that come out.
* Against generators with the machines' work written into them by hand our operators lose, words by the
  factor that the picture shows: such code knows that its input is ``str``, while ours looks at each item for
  a chunk, and calls a machine for it. That is what it costs that a machine can be tested, and used, without a
  loop around it.
* In large chunks the SSE decoders are closer together: what they do for a chunk weighs less then, and what
  they do for an event is alike.
* Behind a socket the transport takes most of the time, and ``from_sse`` is hardly cheaper than httpx-sse; to
  give chunks, where httpx-sse gives events with their JSON unread, it takes longer.
* A loop that counts braces is cheaper than ``parse_json``: it checks nothing, is wrong about a stray
  brace or quote in the prose, and decodes what it has when the braces match, whatever that is. Ours reads
  JSON's grammar as it comes, so it knows at which character an object is none.
* One long string is what a parser that reads all again is fastest at, so the lead is smaller there. Documents
  of 1 KB, an ordinary tool call, are read again as fast as they are followed.
* A snapshot of a partial document copies the lists and objects that are open. Asked for after each chunk
  of a long list it is not flat, though it is a hundred times cheaper than reading everything again; and a
  document that is followed is in memory as Python's objects, as it grows.
* Sentences of plain prose, with a full stop at their end and none before, cost the peer least, and the lead
  is a quarter of what it is elsewhere, or less. Where only sense tells the end of a sentence, "at Acme Inc.
  Bolt hired", both sides guess, and it is right in some cases where we are not.
* Of a whole request a good part is the transport's, see the parts below the row. Ours skips two of the
  SDK's generators where nothing is compressed, so "bytes alone" is a little more than what it costs in
  ours.
* To import rxstream does not import openai, which is imported with the first client. A program that uses both
  takes the time of openai, and up to 60 % on top of it, for reactivex and our own modules.
* An item of a thousand merged streams costs more than one of ten where all are ready at once, though it
  takes as many calls. We put it down to the caches: a stream is some 14 KB, and the next item is always
  another stream's. Where items are awaited, ten streams pay for more turns of the event loop. aiostream's
  streams are a tenth of that size.
* Each chunk that is waited for under ``timeout_stream`` is waited for in a cancel scope, and a scope's
  way in and out costs more than the rest of a chain.
* Seven operators behind a source hold up the first token several times as long as the source itself.
* Behind ``backpressure`` and ``share_stream`` the reader is a task, and the source another: for each item
  that does not come in a bunch the event loop changes from one to the other. Two readers are two such
  tasks. ``pace_stream`` adds a timer. A single chain alone in its process pays for a turn of the loop
  each time, which many chains share.
* An open stream takes more memory than the SDK's: a pump, the stages of the chain and, with
  ``timeout_stream`` and ``retry_stream``, the answer so far, which an error brings along and a retry goes
  on from. A served stream takes more than Starlette's: that, and with a log its events.
* An event that is logged, framed and watched over costs the server more than one that is written and
  forgotten, and where the system writes cheaply that weighs most: at a model's pace and flat out the minimum
  is missed then, and with ``sleep(0)`` just held or just missed. A stream of ours takes 0.3 ms to begin and
  end, a third of that for two tasks that end by being cancelled, and that is a third of the difference flat
  out; at a model's pace, where an alike event costs three times as much, we put it down to the caches:
  between two events of a stream come those of all others. Without a log it costs up to 40 % more than a bare
  one.
"""
