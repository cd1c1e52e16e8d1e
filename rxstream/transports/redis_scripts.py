"""What Redis itself does with a stream, each in one indivisible step: Lua scripts.

A stream is four keys of one hash tag, so that a Redis cluster keeps them together: a hash of what is known of
it, the Redis Stream of its entries, the lease of its producer and the readers' processes with the times until
when they count as there. All times are the server's own, in milliseconds.

Each process that writes or reads listens on one channel. Its name is what stands among the readers, and
before the ``#`` in a lease, so whoever changes a stream knows whom to tell, and tells nobody else. An age is
how long the stream is kept from now on.

Every script may be run twice: an answer that was lost on its way is asked for again.
"""

from hashlib import sha1
from typing import Final, NamedTuple

__all__ = (
    "ADOPT",
    "APPEND",
    "CREATE",
    "DELETE",
    "IDLE",
    "INFO",
    "LEAVE",
    "NUDGE",
    "READ",
    "RELEASE",
    "RENEW",
    "STOP",
    "Script",
)

_PRELUDE: Final = """
local info, entries, lease, readers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function keep(age)
  for _, key in ipairs({info, entries, readers}) do redis.call('PEXPIRE', key, age) end
end
local function tell(message, own)
  for _, channel in ipairs(redis.call('ZRANGEBYSCORE', readers, now(), '+inf')) do
    if channel ~= own then redis.call('PUBLISH', channel, message) end
  end
end
local function tell_producer(token, message)
  if token then redis.call('PUBLISH', string.match(token, '^(.*)#') or token, message) end
end
"""


class Script(NamedTuple):
    """A script, and the name by which Redis knows it once it has seen it."""

    sha: str
    text: str


def _script(body: str) -> Script:
    text = _PRELUDE + body
    return Script(sha1(text.encode(), usedforsecurity=False).hexdigest(), text)


#: Token, lease, age, meta, "1" and owner or "0": 1, or 0 if there is such a stream already.
CREATE: Final = _script("""
local token, held, age, meta = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', info) == 1 then
  return redis.call('HGET', info, 'by') == token and redis.call('GET', lease) == token and 1 or 0
end
redis.call('HSET', info, 'meta', meta, 'newest', 0, 'bytes', 0, 'by', token, 'idle', now())
if ARGV[5] == '1' then redis.call('HSET', info, 'owner', ARGV[6]) end
redis.call('DEL', entries, readers)
keep(age)
redis.call('SET', lease, token, 'PX', held)
return 1
""")

#: Token, lease, age: {newest, whether a stop was asked for}, or {-1} if the stream is not to be had.
ADOPT: Final = _script("""
local known = redis.call('HMGET', info, 'newest', 'ended', 'stop')
local holder = redis.call('GET', lease)
if not known[1] or known[2] or (holder and holder ~= ARGV[1]) then return {-1} end
redis.call('SET', lease, ARGV[1], 'PX', ARGV[2])
keep(ARGV[3])
redis.call('HSET', info, 'idle', now())  -- whoever adopts it does so for a reader who is on the way
return {tonumber(known[1]), known[3] and 1 or 0}
""")

#: Token, number of the append, newest before it, lease, age, most events, most bytes, "1" if the stream ends
#: with it, the stream's name, most bytes of a message, own channel; then event and data of each entry.
#: Gives the newest behind it; -1: no such stream, -2: somebody else wrote, or holds the stream.
#: A lease that ran out, while Redis could not be reached, is taken again if nobody has done so.
APPEND: Final = _script("""
local token, before, ends = ARGV[1], tonumber(ARGV[3]), ARGV[8] == '1'
local by = token .. '/' .. ARGV[2]
local known = redis.call('HMGET', info, 'newest', 'by', 'bytes')
if not known[1] then return -1 end
local newest, bytes = tonumber(known[1]), tonumber(known[3])
if newest ~= before then return known[2] == by and newest or -2 end
local holder = redis.call('GET', lease)
if holder and holder ~= token then return -2 end
local written, size = {}, 0
for at = 12, #ARGV, 2 do
  newest = newest + 1
  redis.call('XADD', entries, string.format('%d-0', newest), 'd', ARGV[at + 1], 'e', ARGV[at])
  size = size + #ARGV[at + 1]
  written[#written + 1] = ARGV[at]
  written[#written + 1] = ARGV[at + 1]
end
local most_events, most_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
local held = redis.call('XLEN', entries)
bytes = (held > newest - before and bytes or 0) + size
local function full() return held > 1 and (held > most_events or bytes > most_bytes) end
if full() then
  while full() do
    local oldest = newest - held + 1
    local some = redis.call('XRANGE', entries, string.format('%d-0', oldest), '+', 'COUNT', 32)
    if #some == 0 then break end  -- somebody else has been at the key: better too much than a loop for ever
    for _, entry in ipairs(some) do
      if not full() then break end
      bytes = bytes - #entry[2][2]
      held = held - 1
    end
  end
  redis.call('XTRIM', entries, 'MINID', string.format('%d-0', newest - held + 1))
end
redis.call('HSET', info, 'newest', newest, 'bytes', bytes, 'by', by)
keep(ARGV[5])
if ends then
  redis.call('HSET', info, 'ended', 1)
  redis.call('DEL', lease)
else
  redis.call('SET', lease, token, 'PX', ARGV[4])
end
if redis.call('EXISTS', readers) == 1 then
  if size > tonumber(ARGV[10]) then written = {} end
  tell(cjson.encode({ARGV[9], before + 1, ends, written}), ARGV[11])
end
return newest
""")

#: After which entry, most entries, most bytes, own channel or "", for how long to count as a reader.
#: {1, oldest (newest + 1 if none is held), newest, ended, alive, then event and data of each entry}, or {0}:
#: no such stream.
READ: Final = _script("""
local known = redis.call('HMGET', info, 'newest', 'ended')
if not known[1] then return {0} end
if ARGV[4] ~= '' then
  -- A server that is full may still be read from; who is not told looks from time to time.
  redis.pcall('ZADD', readers, now() + ARGV[5], ARGV[4])
  redis.call('PEXPIRE', readers, math.max(1, redis.call('PTTL', info)))
end
local newest, held = tonumber(known[1]), redis.call('XLEN', entries)
local found = {1, newest - held + 1, newest, known[2] and 1 or 0, redis.call('EXISTS', lease)}
local count, room = tonumber(ARGV[2]), tonumber(ARGV[3])
if count > 0 and newest > tonumber(ARGV[1]) then
  local first = string.format('%d-0', ARGV[1] + 1)
  for _, entry in ipairs(redis.call('XRANGE', entries, first, '+', 'COUNT', count)) do
    found[#found + 1] = entry[2][4]
    found[#found + 1] = entry[2][2]
    room = room - #entry[2][2]
    if room <= 0 then break end
  end
end
return found
""")

#: {oldest, newest, ended, alive, meta, owner if there is one}, or {} if there is no such stream.
INFO: Final = _script("""
local known = redis.call('HMGET', info, 'newest', 'ended', 'meta', 'owner')
if not known[1] then return {} end
local newest, held = tonumber(known[1]), redis.call('XLEN', entries)
return {held > 0 and newest - held + 1 or 0, newest, known[2] and 1 or 0, redis.call('EXISTS', lease),
  known[3], known[4] or nil}
""")

#: Token, lease, age, newest as the producer knows it: 0, 1 if a stop was asked for, -1: no such stream,
#: -2: lost.
RENEW: Final = _script("""
local known = redis.call('HMGET', info, 'newest', 'ended', 'stop', 'by')
if not known[1] then return -1 end
local token, holder = ARGV[1], redis.call('GET', lease)
local ours = known[1] == ARGV[4] or string.sub(known[4], 1, #token + 1) == token .. '/'
if known[2] and ours then return 0 end  -- its own end has overtaken the renewal
if holder ~= token and (holder or known[2] or not ours) then return -2 end
if holder then
  redis.call('PEXPIRE', lease, ARGV[2])
else
  redis.call('SET', lease, token, 'PX', ARGV[2])
end
keep(ARGV[3])
return known[3] and 1 or 0
""")

#: Token, the stream's name, own channel, age.
RELEASE: Final = _script("""
if redis.call('GET', lease) ~= ARGV[1] then return 0 end
redis.call('DEL', lease)
keep(ARGV[4])
tell(cjson.encode({ARGV[2]}), ARGV[3])
return 1
""")

#: Own channel.
LEAVE: Final = _script("""
redis.call('ZREM', readers, ARGV[1])
if redis.call('EXISTS', info) == 1 then redis.call('HSET', info, 'idle', now()) end
return 1
""")

#: For how many milliseconds nobody has been reading; -1: no such stream.
IDLE: Final = _script("""
local since = redis.call('HGET', info, 'idle')
if not since then return -1 end
local last = redis.call('ZREVRANGE', readers, 0, 0, 'WITHSCORES')
return math.max(0, now() - math.max(since, last[2] or 0))
""")

#: The stream's name: 1, or 0 if there is no producer to ask.
STOP: Final = _script("""
local known = redis.call('HMGET', info, 'newest', 'ended')
local holder = redis.call('GET', lease)
if not known[1] or known[2] or not holder then return 0 end
redis.call('HSET', info, 'stop', 1)
tell_producer(holder, cjson.encode({ARGV[1], 'stop'}))
return 1
""")

#: The stream's name.
DELETE: Final = _script("""
tell(cjson.encode({ARGV[1]}))
tell_producer(redis.call('GET', lease), cjson.encode({ARGV[1]}))
return redis.call('DEL', info, entries, lease, readers)
""")

#: A channel: have its listener hear something, which tells it that it can.
NUDGE: Final = _script("""
return redis.call('PUBLISH', ARGV[1], '')
""")
