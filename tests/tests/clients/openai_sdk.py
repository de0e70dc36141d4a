"""Drives the openai SDK as a program of its user would, and prints what it got as JSON."""

import json
import sys
import time

import openai

MODEL = "gpt-5"
ASK = [{"role": "user", "content": "Say hi, Grüße & 你好."}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "The weather of a city.", "parameters": PARAMETERS}

client = openai.OpenAI()


def called(function):
    return [function.name, json.loads(function.arguments)]


def chat():
    create = client.chat.completions.create
    tools = [{"type": "function", "function": FUNCTION}]
    told = {"whole": create(model=MODEL, messages=ASK).choices[0].message.content}
    stream = create(model=MODEL, messages=ASK, stream=True)
    told["pieces"] = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]

    asked = create(model=MODEL, messages=ASK, tools=tools).choices[0].message
    told["tool"] = called(asked.tool_calls[0].function)
    with client.chat.completions.stream(model=MODEL, messages=ASK, tools=tools) as stream:
        streamed = stream.get_final_completion().choices[0].message
    told["streamed_tool"] = called(streamed.tool_calls[0].function)
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "rain"}
    after = create(model=MODEL, messages=[*ASK, asked, result], tools=tools)
    told["after_tool"] = after.choices[0].message.content
    return told


def responses():
    create = client.responses.create
    tools = [{"type": "function", "strict": False, **FUNCTION}]
    told = {"whole": create(model=MODEL, input=ASK).output_text}
    stream = create(model=MODEL, input=ASK, stream=True)
    told["pieces"] = [event.delta for event in stream if event.type == "response.output_text.delta"]

    asked = create(model=MODEL, input=ASK, tools=tools).output[0]
    told["tool"] = called(asked)
    with client.responses.stream(model=MODEL, input=ASK, tools=tools) as stream:
        streamed = stream.get_final_response().output[0]
    told["streamed_tool"] = called(streamed)
    result = {"type": "function_call_output", "call_id": asked.call_id, "output": "rain"}
    told["after_tool"] = create(model=MODEL, input=[*ASK, asked.to_dict(), result], tools=tools).output_text
    return told


def tour():
    return {"chat": chat(), "responses": responses(), "models": [model.id for model in client.models.list()]}


def leave():
    """Leaves in the middle of a stream that has no end, and goes on with something else."""
    begun = time.monotonic()
    stream = client.responses.create(model=MODEL, input=ASK, stream=True)
    for count, _ in enumerate(stream):
        if count == 20:
            break
    stream.close()
    left = time.monotonic() - begun
    return {"left_s": left, "models": [model.id for model in client.models.list()]}


print(json.dumps({"tour": tour, "leave": leave}[sys.argv[1]]()))
