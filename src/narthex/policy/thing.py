"""What a call is about, once it is resolved: one tool, one prompt, one resource.

Knows: where each method names its thing. Refuses to know: who may have it.
"""

from narthex.model.call import Call
from narthex.model.endpoint import Thing


def thing_of(call: Call) -> Thing:
    """Under its server's own name."""
    if call.tool is not None:
        return Thing("Tool", call.server, call.tool.private, call.exposed, call.tool)
    private = call.private.get("ref") if call.method == "completion/complete" else call.private
    is_prompt = call.method == "prompts/get" or (type(private) is dict and private.get("type") == "ref/prompt")
    name = private.get("name" if is_prompt else "uri") if type(private) is dict else None
    return Thing("Prompt" if is_prompt else "Resource", call.server, str(name), call.exposed)
