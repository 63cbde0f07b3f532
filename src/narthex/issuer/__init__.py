"""The authorization server inside: people log in, clients are let in, tokens are given out (OAuth 2.1).

Knows: its own paths, its pages, and who may log in. Refuses to know: MCP, and what a token opens: the gateway takes
its tokens as it takes those of any other issuer.
"""
