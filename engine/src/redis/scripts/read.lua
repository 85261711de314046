-- A part of a user's stream, for one of the sessions: time, epoch, last, floor, why, messages.
-- KEYS: primary, user, stream. ARGV: session, fence, epoch and number after which, how many
-- messages, how many bytes.

local rows, stands = redis.call('HGET', KEYS[2], 'h'), false
for _, row in ipairs(rows and cjson.decode(rows) or {}) do
  stands = stands or (row[1] == ARGV[1] and text(row[8]) == ARGV[2])
end
if not stands then
  return false
end
local epoch, last = stream_of(KEYS[1], KEYS[2], KEYS[3])
local known = redis.call('HMGET', KEYS[2], 'f', 'r')
local floor, reason = tonumber(known[1]), known[2]
if floor < last and redis.call('EXISTS', KEYS[3]) == 0 then
  floor, reason = last, 'x'
end
local start, after = floor, tonumber(ARGV[4])
if ARGV[3] == epoch and after >= floor and after <= last then
  start = after
end
local messages, bytes = {}, 0
if start < last then
  local from = text(start + 1) .. '-0'
  for _, entry in ipairs(redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', ARGV[5])) do
    messages[#messages + 1] = entry[2][4]
    bytes = bytes + tonumber(entry[2][2])
    if bytes >= tonumber(ARGV[6]) then
      break
    end
  end
end
return { text(NOW), epoch, text(last), text(floor), reason, messages }
