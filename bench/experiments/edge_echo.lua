-- One tools/call as a modern client sends it: 487 bytes of body, ten header fields.
wrk.method = "POST"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__search_contacts","arguments":{"q":"' .. string.rep("a", 377) .. '"}}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Authorization"] = "Bearer sk-0123456789abcdef0123456789abcdef"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "crm__search_contacts"
wrk.headers["User-Agent"] = "edge-echo/1"
