-- A replica is there: the rule of limits/claims.py (is_reborn). What it holds follows before it counts as arrived.
-- KEYS: the beats (zset replica -> ms), the arrivals (hash: born, server, and each replica that has told what it holds).
-- ARGV: replica, identity of this server process, 1 if the replica has told all that it holds, now (0: the server's).
-- Returns when (Unix ms) Valkey began to know what it knows.
local DEAD_MS, SILENCE_MS, KEPT_MS = 30000, 10000, 34560000000
local now = tonumber(ARGV[4])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or 0
if redis.call('HGET', KEYS[2], 'server') ~= ARGV[2] or now - tonumber(newest) > SILENCE_MS then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'server', ARGV[2], 'born', string.format('%.0f', now))
end
if ARGV[3] == '1' then redis.call('HSET', KEYS[2], ARGV[1], 1) end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - KEPT_MS))
return redis.call('HGET', KEYS[2], 'born')
