"""The connect page: where a person's browser gives the gateway a grant at a server, and takes it back.

Knows: pages, forms, who sits at the browser. Refuses to know: tokens, and how a grant is got; those never come here.
"""
