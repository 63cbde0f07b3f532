"""HTTP APIs as tools: an OpenAPI document (3.0, 3.1), or single requests that the operator has written down.

Knows: what such a document means, how its operations become tools, requests and answers. Refuses to know: the gateway
around it; what comes out is a server like any other (`narthex.libraries.server.Server`).
"""
