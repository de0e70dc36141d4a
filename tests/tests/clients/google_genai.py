"""Drives the google-genai SDK as a program of its user would, and prints what it got as JSON."""

import json
import sys

from google import genai
from google.genai import types

MODEL = sys.argv[1]
client = genai.Client()
asked = []


def weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: Its name.
    """
    asked.append(city)
    return "rain"


def automatic():
    """The SDK calls the function by itself, and gives its result back without an id."""
    chat = client.chats.create(model=MODEL, config=types.GenerateContentConfig(tools=[weather], top_k=5))
    first = chat.send_message("The weather of Oslo?").text
    return {"first": first, "second": chat.send_message("And now?").text}


def by_hand():
    """A stream, whose turn the chat gives back event by event."""
    declared = types.FunctionDeclaration(
        name="weather.of",
        description="The weather of a city.",
        parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}),
    )
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048),
    )
    chat = client.chats.create(model=MODEL, config=config)
    call = None
    for chunk in chat.send_message_stream("The weather of Oslo?"):
        for found in chunk.function_calls or []:
            call = found
    result = types.Part.from_function_response(name=call.name, response={"output": "rain"})
    pieces = [chunk.text or "" for chunk in chat.send_message_stream([result])]
    return {"call": [call.name, call.args], "pieces": pieces}


def refused():
    try:
        client.models.embed_content(model=MODEL, contents="x")
    except genai.errors.ClientError as error:
        return [error.code, error.status]


print(
    json.dumps(
        {
            "automatic": automatic(),
            "asked": asked,
            "by_hand": by_hand(),
            "tokens": client.models.count_tokens(model=MODEL, contents="Some words").total_tokens,
            "models": [model.name for model in client.models.list()],
            "refused": refused(),
        }
    )
)
