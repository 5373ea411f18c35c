-- One replica's word on one account: the rule of limits/claims.py (answer, forgotten, is_fresh), applied atomically.
-- KEYS: the account's book (hash replica -> "allowance:used:sequence:settled"), the beats (zset), the arrivals (hash).
-- ARGV: replica, sequence, limit, mine, used, wanted, with more (0 or 1), lasting ms, expiry ms, replicas expected, now (0: the
-- server's), settled. A used of -1 is what this replica told last, and so is what it settled.
-- Returns {allowance, others, alive, fresh (0 or 1), used by others, settled by others} or {-1, sequence} for a word that is late.
local DEAD_MS, GRACE_MS = 30000, 5000
local replica = ARGV[1]
local sequence, limit, mine, used, wanted = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lasting, expiry, expected, now = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local settled = tonumber(ARGV[12])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number) return string.format('%.0f', number) end

local beats = {}
local beaten = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
local alive = 0
for i = 1, #beaten, 2 do
  beats[beaten[i]] = tonumber(beaten[i + 1])
  if beaten[i] == replica or now - tonumber(beaten[i + 1]) <= DEAD_MS then alive = alive + 1 end
end
if not beats[replica] then alive = alive + 1 end

local others, spent, known, gone, told, told_settled = 0, 0, 0, {}, 0, 0
local book = redis.call('HGETALL', KEYS[1])
for i = 1, #book, 2 do
  local allowance, had, word, counted = string.match(book[i + 1], '^(%d+):(%d+):(%d+):(%d+)$')
  if not word then
    gone[#gone + 1] = book[i]
  elseif book[i] == replica then
    if tonumber(word) > sequence then return {-1, word} end
    told, told_settled = tonumber(had), tonumber(counted)
  else
    local age = now - (beats[book[i]] or 0)
    if age <= DEAD_MS then
      others = others + math.max(tonumber(allowance), tonumber(had))
      spent, known = spent + tonumber(had), known + tonumber(counted)
    elseif age <= lasting then
      others = others + tonumber(had)
      spent, known = spent + tonumber(had), known + tonumber(counted)
    else
      gone[#gone + 1] = book[i]
    end
  end
end

if used == -1 then used, settled = told, told_settled end
local born = tonumber(redis.call('HGET', KEYS[3], 'born') or now)
local arrived = redis.call('HLEN', KEYS[3]) - 2
local is_fresh = now - born < GRACE_MS and arrived < expected

local free = limit - others
local given
if is_fresh then
  given = math.min(wanted, mine, free)
else
  local more = 0
  if ARGV[7] == '1' then more = math.floor(math.max(0, free - wanted) / (2 * alive)) end
  given = math.min(wanted + more, free)
end
given = math.max(given, used, 0)

if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
if given == 0 and used == 0 then
  redis.call('HDEL', KEYS[1], replica)
else
  redis.call('HSET', KEYS[1], replica, whole(given) .. ':' .. whole(used) .. ':' .. ARGV[2] .. ':' .. whole(settled))
  redis.call('PEXPIRE', KEYS[1], expiry)
end
return {whole(given), whole(others), alive, is_fresh and 1 or 0, whole(spent), whole(known)}
