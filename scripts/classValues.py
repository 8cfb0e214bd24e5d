"""Writes test/fixtures/classValues.json: what transformers' configuration classes make of values that nobody expects.

    python scripts/classValues.py > classValues.json

Needs transformers 5.18.0, and no PyTorch. Takes the model types and their keys from the fixture, the configs from corpus.json,
and fills each row anew; a new key needs any row to be filled.
"""

import copy
import json
import logging
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

FIXTURES = Path(__file__).resolve().parent.parent / "test" / "fixtures"
VALUES: list[Any] = [None, 0, 1, -1, True, False, "8", 2.5, [], 3, 1e308, "x", {}, [3]]
ABSENT = object()
# Of all that a class derives, what decides a cache: the rest says the same in other words.
DERIVED_BESIDE = re.compile(
    r"(^|\.)(rope_|transformers_version|id2label|label2id|mlp_layer_types|clip_qkv|per_layer_config\.)|_token_id$|dtype$|scaling$|multiplier$"
)

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def flat(value: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in value.items():
        if isinstance(entry, dict):
            found.update(flat(entry, f"{above}{key}."))
        else:
            found[above + key] = entry
    return found


def made(config: dict[str, Any]) -> dict[str, Any]:
    """All that the class has when it is made of a config. Raises what the class raises."""
    given = copy.deepcopy(config)
    return flat(plain(CONFIG_MAPPING[given.pop("model_type")](**given).to_dict()))


def written(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    *above, key = path.split(".")
    inner = changed
    for part in above:
        inner = inner.setdefault(part, {})
    if value is ABSENT:
        inner.pop(key, None)
    else:
        inner[key] = value
    return changed


def with_floats(config: dict[str, Any]) -> dict[str, Any]:
    """The config as its class takes it: the corpus was written by JavaScript, which has no 1.0."""
    while True:
        try:
            made(config)
            return config
        except Exception as error:  # noqa: BLE001: any class may raise anything
            found = re.search(r"Field '(\w+)'.*float", str(error), re.DOTALL)
            if not found or not any(as_float(inside, found.group(1)) for inside in (config, *objects(config))):
                raise


def objects(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for value in config.values() if isinstance(value, dict)]


def as_float(config: dict[str, Any], key: str) -> bool:
    if type(config.get(key)) is not int:
        return False
    config[key] = float(config[key])
    return True


def row_of(base: dict[str, Any], as_base: dict[str, Any], path: str) -> str | list[Any]:
    letters = ""
    changes: list[dict[str, Any]] = []
    for value in [*VALUES, ABSENT]:
        try:
            now = made(written(base, path, value))
        except Exception:  # noqa: BLE001
            letters += "!"
            continue
        differs = {
            key: now.get(key)
            for key in [*as_base, *(key for key in now if key not in as_base)]
            if not same(now.get(key), as_base.get(key)) and not DERIVED_BESIDE.search(key)
        }
        # HRM keeps the product of its runs, and says so by this key alone.
        if "num_hidden_layers" in differs and "num_layers_per_stack" in now:
            differs["num_layers_per_stack"] = now["num_layers_per_stack"]
        if not differs:
            letters += "." if same_all(now, as_base) else "="
        elif set(differs) == {path} and value is not ABSENT and same(differs[path], value):
            letters += "="
        else:
            if differs not in changes:
                changes.append(differs)
            letters += chr(97 + changes.index(differs))
    return [letters, *changes] if changes else letters


def same_all(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)


def same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def main() -> None:
    corpus = json.loads((FIXTURES / "corpus.json").read_text())
    types = json.loads((FIXTURES / "classValues.json").read_text())["types"]
    out = {
        "of": f"transformers {transformers.__version__}, models/*/configuration_*.py, executed: CONFIG_MAPPING[model_type](**config)",
        "how": "the base of each type in corpus.json, one key changed at a time to each of `values`, at last taken away. A letter for"
        " each: ! the class raises, = it keeps the value as it is written, . nothing changes, a, b, ... what becomes other values"
        " than those of the base (the objects that follow)",
        "values": VALUES,
    }
    rows: dict[str, Any] = {}
    for name, keys in types.items():
        base = with_floats(corpus[name]["base"])
        as_base = made(base)
        rows[name] = {path: row_of(base, as_base, path) for path in keys}
    text = json.dumps({**out, "types": 0})[:-2]
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in rows.items())
    sys.stdout.write(f"{text}{{\n{lines}\n}}}}\n")


if __name__ == "__main__":
    main()
