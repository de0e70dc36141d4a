"""Drives the anthropic SDK as a program of its user would, and prints what it got as JSON."""

import json
import sys
import time

import anthropic

MODEL = "claude-sonnet-4-5"
ASK = [{"role": "user", "content": "Say hi, Grüße & 你好."}]
TOOLS = [
    {
        "name": "weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]

client = anthropic.Anthropic()


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def call(message):
    assert message.stop_reason == "tool_use", message
    return next(block for block in message.content if block.type == "tool_use")


def tour():
    common = {"model": MODEL, "max_tokens": 100}
    told = {"whole": text(client.messages.create(messages=ASK, **common))}
    with client.messages.stream(messages=ASK, **common) as stream:
        told["pieces"] = list(stream.text_stream)
    beta = client.beta.messages.create(messages=ASK, betas=["context-management-2025-06-27"], **common)
    told["beta"] = text(beta)

    asked = client.messages.create(messages=ASK, tools=TOOLS, **common)
    told["tool"] = [call(asked).name, call(asked).input]
    with client.messages.stream(messages=ASK, tools=TOOLS, **common) as stream:
        streamed = call(stream.get_final_message())
    told["streamed_tool"] = [streamed.name, streamed.input]
    result = {"type": "tool_result", "tool_use_id": call(asked).id, "content": "rain"}
    after = [*ASK, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    told["after_tool"] = text(client.messages.create(messages=after, tools=TOOLS, **common))

    told["tokens"] = client.messages.count_tokens(model=MODEL, messages=ASK).input_tokens
    told["models"] = [model.id for model in client.models.list()]
    return told


def leave():
    """Leaves in the middle of a stream that has no end, and goes on with something else."""
    begun = time.monotonic()
    stream = client.messages.create(model=MODEL, max_tokens=100, messages=ASK, stream=True)
    for count, _ in enumerate(stream):
        if count == 20:
            break
    stream.close()
    left = time.monotonic() - begun
    return {"left_s": left, "models": [model.id for model in client.models.list()]}


print(json.dumps({"tour": tour, "leave": leave}[sys.argv[1]]()))
