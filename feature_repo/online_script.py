"""The Redis script that writes rows behind a fence, many at a time."""

from __future__ import annotations

from feature_repo.features import NUMERIC, PROVENANCE
from feature_repo.online_rows import INTEGERS

VIEW = "asset_features"
FENCE_FIELD = "_source"  # beside Feast's fields, which its readers ask for by name
NAME = 4  # bytes of a field name: Feast's hash of view and feature


def script_format(doubles: int, integers: int, strings: int) -> str:
    """What the script unpacks: so many doubles, one list of doubles, integers, strings, then the timestamp.

    Each is a field name and its value with the length before it; the timestamp has no name.
    """
    short, long = f"c{NAME}Bc0", f"c{NAME}Hc0"
    return "<" + short * doubles + long + short * integers + long * strings + "Bc0"


_FORMAT = script_format(len(NUMERIC), len(INTEGERS), len(PROVENANCE) - len(INTEGERS))

# KEYS: entities. ARGV[1]: identity of the log; then offset and encoded row of each.
# A row from the same log is written only when its offset is higher, so a worker that lost its partition
# cannot put an older value back. Another log (the topic was made anew, another feature spec) starts over.
# struct.unpack also returns where it stopped, which is the row's last value here: `#row` cuts it off.
WRITE_IF_NEWER = f"""
local written = 0
for i = 1, #KEYS do
  local held, offset, newer = redis.call('HGET', KEYS[i], '{FENCE_FIELD}'), ARGV[2 * i], true
  if held then
    local log, at = string.match(held, '^(.*)/(%-?%d+)$')
    newer = log ~= ARGV[1] or tonumber(at) < tonumber(offset)
  end
  if newer then
    local row = {{struct.unpack('{_FORMAT}', ARGV[2 * i + 1])}}
    redis.call('HSET', KEYS[i], '{FENCE_FIELD}', ARGV[1] .. '/' .. offset, unpack(row, 1, #row - 2))
    redis.call('HSET', KEYS[i], '_ts:{VIEW}', row[#row - 1])
    written = written + 1
  end
end
return written
"""
