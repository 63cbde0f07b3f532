-- wrk's script: the same call again and again under changing ids; the figures in one line at the end.
-- BENCH_HEADERS holds "Name: value" lines, BENCH_BODY the body with ID where the request's id belongs.
-- BENCH_BEARERS names a file with a token on each line: every request shows the next one, whatever its connection.

-- Formatted before the load starts: Lua would cost the generator more than the call itself. A session must not see
-- an id that is still in work, so there are many more ids than callers.
local REQUESTS = 4096
local prepared, last = {}, 0

function init(args)
  wrk.method = "POST"
  for name, value in string.gmatch(os.getenv("BENCH_HEADERS"), "([^:\n]+): ([^\n]*)") do
    wrk.headers[name] = value
  end
  wrk.headers["Host"] = wrk.host .. ":" .. wrk.port
  if os.getenv("BENCH_BEARERS") then
    for token in io.lines(os.getenv("BENCH_BEARERS")) do
      wrk.headers["Authorization"] = "Bearer " .. token
      prepare(#prepared + 1)
    end
  else
    for id = 1, REQUESTS do prepare(id) end
  end
end

function prepare(id)
  prepared[id] = wrk.format(nil, nil, nil, (string.gsub(os.getenv("BENCH_BODY"), '"ID"', id, 1)))
end

function request()
  last = last % #prepared + 1
  return prepared[last]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
