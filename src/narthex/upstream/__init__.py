"""What can be called: other people's MCP servers, over HTTP of every revision and over pipes.

Knows: connecting, probing, starting, supervising, speaking to a server. Refuses to know: who is asking and
why.
"""
