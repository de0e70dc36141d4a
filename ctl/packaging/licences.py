"""Prints the licences of every crate that is in the programs.

Reads `cargo metadata` of a workspace from stdin. A licence asks that its text and the copyright lines go along, so the files
that a crate brings count, not the name that it gives. (cargo-about compares every text with all known licences and takes
minutes; which licences may come in is checked by cargo-deny.)
"""

import json
import pathlib
import re
import sys

LICENCE = re.compile(r"(?i)^(un)?licen[cs]e|^copying|^copyright|^notice|^authors")

metadata = json.load(sys.stdin)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

# What is linked: neither what only builds, nor what only tests.
reached = set()
waiting = list(metadata["workspace_members"])
waiting = [one for one in waiting if packages[one]["name"] in ("aigw-daemon", "aigw-ctl")]
while waiting:
    one = waiting.pop()
    if one in reached:
        continue
    reached.add(one)
    for dependency in nodes[one]["deps"]:
        if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
            waiting.append(dependency["pkg"])

texts = {}
silent = []
for package in sorted((packages[one] for one in reached), key=lambda one: (one["name"], one["version"])):
    if package["source"] is None:
        continue
    folder = pathlib.Path(package["manifest_path"]).parent
    name = f'{package["name"]} {package["version"]} ({package["license"]})'
    files = sorted(file for file in folder.iterdir() if file.is_file() and LICENCE.match(file.name))
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
        texts.setdefault(text, []).append(name)
    if not files:
        if not package["license"]:
            sys.exit(f"{name} names no licence")
        silent.append(f'{name}, by {", ".join(package["authors"]) or "its authors"}: {package["repository"] or ""}')

rule = "\n" + "=" * 80 + "\n"
print("aigw contains the work of others, under the terms that follow. The licence of aigw itself is in LICENSE.")
print(rule)
print("These bring no file of their own; the standard text of the licence that they name holds for them:\n")
print("\n".join(f"  * {one}" for one in silent))
for text, names in sorted(texts.items(), key=lambda pair: pair[1]):
    print(rule)
    print("\n".join(f"  * {one}" for one in dict.fromkeys(names)))
    print(f"\n{text}")
