-- What a key cost in a month on all replicas, for people to read: each replica says its own sum, so a repeated word changes nothing.
-- KEYS: the parts (hash replica -> nanodollars), the sum. ARGV: replica, its nanodollars, expiry in seconds.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local sum = 0
for _, part in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + tonumber(part) end
local sign = sum < 0 and '-' or ''
sum = math.abs(sum)
local text = string.format('%s%.0f.%09.0f', sign, math.floor(sum / 1e9), sum % 1e9)
redis.call('SET', KEYS[2], text, 'EX', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return text
