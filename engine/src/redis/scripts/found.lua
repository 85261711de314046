-- A partition of which nothing is known begins where nothing was kept before: there is nobody who
-- could be missed in it.
-- KEYS: primary.

if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  epoch_of(KEYS[1])
  redis.call('HSET', KEYS[1], 'met', '0')
end
return 0
