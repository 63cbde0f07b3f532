-- wrk's script: the same call again and again under changing ids; the figures in one line at the end.
-- BENCH_HEADERS holds "Name: value" lines, BENCH_BODY the body with ID where the request's id belongs.

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
  for id = 1, REQUESTS do
    prepared[id] = wrk.format(nil, nil, nil, (string.gsub(os.getenv("BENCH_BODY"), '"ID"', id, 1)))
  end
end

function request()
  last = last % REQUESTS + 1
  return prepared[last]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
