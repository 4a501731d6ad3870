-- SPDX-License-Identifier: GPL-3.0-or-later
-- Copyright (C) 2026 The p2pstream developers
-- What wrk measured, as one line of JSON: times in microseconds. With an argument N the requests go in turn to ten of the hosts
-- host0.example.com to hostN-1.example.com.
local hosts, at = {}, 0

local function next_host()
  at = at % #hosts + 1
  return hosts[at]
end

function init(args)
  local n = tonumber(args[1] or 0)
  if n > 0 then
    for i = 1, 10 do
      hosts[i] = wrk.format("GET", nil, { Host = string.format("host%d.example.com", (i - 1) * n / 10) })
    end
    request = next_host
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  print(string.format(
    'RESULT {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"bad_status":%d,"socket_errors":%d}',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
    e.status, e.connect + e.read + e.write + e.timeout))
end
