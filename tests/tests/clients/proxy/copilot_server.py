"""An editor without a screen: starts Copilot's language server, signs in, asks for models, a completion and a chat.

The chat begins once there is a file named `chat` here. Prints JSON: what each was answered with, and what the server
wrote into the editor's log meanwhile.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time

PATIENCE = 20  # seconds

server = subprocess.Popen([sys.argv[1], "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
arrived = queue.Queue()
told = {"log": [], "chat": []}
asked = 0


def read():
    while True:
        length = 0
        while line := server.stdout.readline().strip():
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            return
        arrived.put(json.loads(server.stdout.read(length)))


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def say(method, params):
    send({"method": method, "params": params})


def ask(method, params):
    global asked
    asked += 1
    send({"id": asked, "method": method, "params": params})
    until = time.monotonic() + PATIENCE
    while True:
        try:
            message = arrived.get(timeout=max(0, until - time.monotonic()))
        except queue.Empty:
            return {"error": f"no answer to {method}"}
        params = message.get("params") or {}
        if message.get("method") == "window/logMessage":
            told["log"].append(params["message"])
        elif message.get("method") == "$/progress":
            told["chat"].append(params["value"])
        elif "method" not in message and message["id"] == asked:
            return message.get("result", message.get("error"))
        if "method" in message and "id" in message:
            send({"id": message["id"], "result": None})


threading.Thread(target=read, daemon=True).start()
editor = {
    "editorInfo": {"name": "ed", "version": "1.19"},
    "editorPluginInfo": {"name": "ed", "version": "1.0.0"},
}
folders = {"workspace": {"workspaceFolders": True}}
ask("initialize", {"processId": os.getpid(), "capabilities": folders, "initializationOptions": editor})
say("initialized", {})
say("workspace/didChangeConfiguration", {"settings": {"telemetry": {"telemetryLevel": "off"}}})
told["status"] = ask("checkStatus", {})
told["models"] = ask("copilot/models", {})

file = "file://" + os.path.join(os.getcwd(), "hi.py")
document = {"uri": file, "languageId": "python", "version": 0, "text": "def hi():\n    \n"}
say("textDocument/didOpen", {"textDocument": document})
place = {
    "textDocument": {"uri": file, "version": 0},
    "position": {"line": 1, "character": 4},
    "context": {"triggerKind": 1},
    "formattingOptions": {"tabSize": 4, "insertSpaces": True},
}
told["completion"] = ask("textDocument/inlineCompletion", place)

while not os.path.exists("chat"):
    time.sleep(0.01)
chat = {
    "workDoneToken": "1",
    "turns": [{"request": "say hi"}],
    "capabilities": {"skills": [], "allSkills": False},
    "source": "panel",
    "model": "gpt-5",
}
told["turn"] = ask("conversation/create", chat)
server.kill()
json.dump(told, sys.stdout)
