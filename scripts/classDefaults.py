"""Writes src/families/classDefaults.json: what transformers' configuration classes give to absent keys.

    python scripts/classDefaults.py > src/families/classDefaults.json

Needs transformers 5.18.0, and no PyTorch: classes of configurations are read; nothing is asked of the hub. Classes that
could not be made without arguments are named on stderr; they are none whose defaults matter here.

`types` holds, by model type, defaults that the class declares. Null, objects and what JSON cannot say are left out.

- Decoders, and encoder-decoders: keys that src/families or src/config names, in whatever role, or that have another
  name there (`attribute_map`).
- Encoders that can be decoders after all (`is_decoder`): how many layers they have, and which they are. Others keep nothing.
- `max_position_embeddings` only where it is the length of a table of positions.
- Composites: as decoders, less the vocabulary. `X/text` is the language model that X makes where its file has none, if
  that is not what the language model's own class gives.

`?` before the JSON of a default: the class takes null beside it. It refuses null in the other keys of a row.

Besides, a row of a decoder that those folders name has `@X`, the key that X is another name of, and `#theta`, the RoPE
base where it is not 10,000. `#text` in that of a composite is the type of its language model.

Rows form trees: those under `likes` of a row are written as changes of it, and null takes a key of it away.
"""

import dataclasses
import inspect
import json
import math
import os
import re
import sys
import typing
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SOURCES = Path(__file__).resolve().parent.parent / "src"
# They describe keys, and read none.
TABLES = ["keys.ts", "keyShapes.ts"]
ENCODER_KEYS = {"num_hidden_layers", "n_layer", "n_layers", "num_layers", "is_decoder", "add_cross_attention"}
USUAL_THETA = 10_000


# Rows


def plain(value: Any) -> bool:
    """Whether the table can hold a value: JSON, but neither null nor an object."""
    if isinstance(value, (list, tuple)):
        return all(plain(entry) for entry in value)
    return isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def short(value: Any) -> Any:
    """1.0 as 1: they are one number to the readers of the table."""
    if isinstance(value, (list, tuple)):
        return [short(entry) for entry in value]
    if isinstance(value, dict):
        return {key: short(entry) for key, entry in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def row_of(values: Row, kind: str, asked: set[str]) -> Row:
    """The part of a class's defaults that the table keeps."""
    keys = {"decoder": asked, "encoder": ENCODER_KEYS, "composite": asked - {"vocab_size"}}[kind]
    return {key: short(value) for key, value in values.items() if key in keys and plain(value)}


def made_row(row: Row, made: Row, own: Row, kind: str, asked: set[str]) -> Row:
    """The row of a language model that a composite makes.

    `row` is the one of its class, `made` has all its values, and `own` all values of the class made without arguments.
    """
    values = {key: value for key, value in row.items() if made.get(key, value) is not None}
    for key, value in row_of(made, kind, asked).items():
        # Lists that a class makes for itself have an entry for each layer: no default.
        if not isinstance(value, list) and not same(value, short(own.get(key))):
            values[key] = value
    if same(values, row):
        return row
    # Heads as wide as the class's own need not follow from the new width of the model, as those do from the old one.
    head = made.get("head_dim") if kind == "decoder" else None
    if head is not None and head != made["hidden_size"] // made["num_attention_heads"]:
        values["head_dim"] = head
    return values


def compact(value: Any, ordered: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=ordered)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and true are two values."""
    return compact(one, ordered=True) == compact(other, ordered=True)


def change_of(base: str, rows: dict[str, Row], row: Row) -> Row:
    changed = {key: value for key, value in row.items() if not same(value, rows[base].get(key))}
    return {**changed, **{key: None for key in rows[base] if key not in row}}


def packed(rows: dict[str, Row]) -> dict[str, Row]:
    """Each row whole, or under another one as the change of it: the trees of fewest characters that Prim's algorithm finds."""
    trees: dict[str, Row] = {}
    placed: dict[str, Row] = {}
    open_rows: dict[str, tuple[str | None, Row]] = {name: (None, row) for name, row in rows.items()}
    while open_rows:
        name = min(open_rows, key=lambda one: len(compact(open_rows[one][1])))
        base, row = open_rows.pop(name)
        placed[name] = row = dict(row)
        (trees if base is None else placed[base].setdefault("likes", {}))[name] = row
        for other, (_, best) in open_rows.items():
            change = change_of(name, rows, rows[other])
            if len(compact(change)) < len(compact(best)):
                open_rows[other] = (name, change)
    return trees


def unpacked(trees: dict[str, Row], base: Row | None = None) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for name, row in trees.items():
        values = {**(base or {}), **{key: value for key, value in row.items() if key != "likes"}}
        rows[name] = {key: value for key, value in values.items() if value is not None}
        rows |= unpacked(row.get("likes", {}), rows[name])
    return rows


def row_lines(name: str, row: Row, indent: str) -> str:
    """A row on a line; those that are like it each on their own, further in."""
    own = compact({key: value for key, value in row.items() if key != "likes"})
    if "likes" not in row:
        return f"{indent}{compact(name)}: {own}"
    likes = ",\n".join(row_lines(other, change, indent + " ") for other, change in row["likes"].items())
    comma = "" if own == "{}" else ","
    return f'{indent}{compact(name)}: {own[:-1]}{comma}"likes": {{\n{likes}}}}}'


def table_text(source: str, types: dict[str, Row]) -> str:
    """JSON with a line for each type."""
    lines = ",\n".join(row_lines(name, row, "    ") for name, row in types.items())
    return f'{{\n  "source": {compact(source)},\n  "types": {{\n{lines}\n  }}\n}}\n'


# What the project asks


def names_in(*folders: Path) -> set[str]:
    """Strings in TypeScript that could be keys or types. Keys that a family only sets aside (`consult`) need no default."""
    texts = [file.read_text("utf-8") for folder in folders for file in folder.rglob("*.ts") if file.name not in TABLES]
    read = [re.sub(r"consult\(\s*\[.*?\]\s*\)", "", text, flags=re.DOTALL) for text in texts]
    found = {name for text in read for name in re.findall(r"'([A-Za-z_][\w.-]*)'", text)}
    return found or sys.exit("no sources to tell which keys are asked")


# What transformers says


def declared(cls: type) -> Row:
    """Defaults of the fields that a class adds to those of every configuration."""
    from transformers import PreTrainedConfig

    common = {field.name for field in dataclasses.fields(PreTrainedConfig)}
    return {field.name: default_of(field) for field in dataclasses.fields(cls) if field.name not in common}


def default_of(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def nullable(cls: type, row: Row) -> Row:
    """The keys of a row that have a default, and yet may be null, with their mark."""
    types = {field.name: field.type for field in dataclasses.fields(cls)}
    return {key: f"?{compact(row[key])}" for key in row if type(None) in typing.get_args(types.get(key))}


def language_model(cls: type) -> Any:
    """The configuration of the language model in a composite made without arguments; None where there is none."""
    if not cls.sub_configs or cls.has_no_defaults_at_init:
        return None
    config = cls()
    inner = config.get_text_config(decoder=True)
    if type(inner) is cls:
        inner = getattr(config, "decoder_config", None)
    return inner if inner is not None and has_vocabulary(type(inner)) else None


def has_vocabulary(cls: type) -> bool:
    return any(key.endswith("vocab_size") for key in declared(cls))


def keeps_past(cls: type) -> bool:
    """Whether models of the class take back what they computed for earlier tokens."""
    says = "use_cache" in declared(cls) or "past_key_values" in cls.keys_to_ignore_at_inference
    models = Path(inspect.getfile(cls)).parent.glob("modeling_*.py")
    return says and any(re.search(r"\bpast_key_values\b", file.read_text("utf-8")) for file in models)


def has_position_table(cls: type) -> bool:
    """Whether models of the class learn a vector for each position: then the trained length is a number of parameters."""
    models = Path(inspect.getfile(cls)).parent.glob("modeling_*.py")
    table = r"nn\.Embedding\(\s*(?:config\.)?(?:max_position_embeddings|n_positions|num_positions)|PositionalEmbedding\("
    return any(re.search(table, file.read_text("utf-8")) for file in models)


def kind_of(name: str, cls: type, causal: set[str], masked: set[str]) -> str | None:
    """What a class that is no composite describes; None for what has no language. The sets are of model types."""
    if name not in causal and not has_vocabulary(cls):
        return None
    if cls.is_encoder_decoder:
        return "decoder"
    return "decoder" if name not in masked and (name in causal or keeps_past(cls)) else "encoder"


def values_of(config: Any) -> Row:
    """What an instance has, given or worked out, by the names of its class's fields where it has fields for it."""
    from transformers import PreTrainedConfig

    values = vars(config)
    fields = {key: values.get(config.attribute_map.get(key, key)) for key in declared(type(config))}
    return {key: value for key, value in values.items() if not hasattr(PreTrainedConfig, key)} | fields


def theta_of(config: Any) -> float | None:
    """The RoPE base of an instance; None where it has none, or one for each kind of layer."""
    return (getattr(config, "rope_parameters", None) or {}).get("rope_theta")


def main() -> None:
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="critical")
    import transformers
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    causal, masked = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES), set(MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    names = names_in(SOURCES / "families", SOURCES / "config")
    kinds: dict[str, str] = {}
    asked: dict[str, set[str]] = {}
    rows: dict[str, Row] = {}
    made: dict[str, Any] = {}
    marks: dict[str, Row] = {}
    # Some classes stand among the types under their own names.
    for name in sorted(name for name in transformers.CONFIG_MAPPING.keys() if name == name.lower()):
        cls = transformers.CONFIG_MAPPING[name]
        try:
            inner = language_model(cls)
        except Exception as error:  # Of any type: each class refuses in its own way.
            print(f"{name}: not made: {str(error).strip().splitlines()[0]}", file=sys.stderr)
            inner = None
        kind = kind_of(name, cls, causal, masked) if inner is None else "composite"
        if kind is None:
            continue
        if inner is not None:
            made[name] = inner
        others = {alias: key for alias, key in cls.attribute_map.items() if alias != key}
        kinds[name] = kind
        asked[name] = names | {key for alias, key in others.items() if alias in names}
        row = row_of(declared(cls), kind, asked[name])
        if not has_position_table(cls):
            row.pop("max_position_embeddings", None)
        # Types that no family names keep nothing, or are refused.
        if row and (kind == "composite" or name in names and (kind == "decoder" or "is_decoder" in row)):
            rows[name] = row
        if name in rows:
            marks[name] = nullable(cls, row)
        if kind != "decoder" or name not in names:
            continue
        marks[name] = marks.get(name, {}) | {f"@{alias}": key for alias, key in others.items() if key in asked[name]}
        if cls.default_theta != USUAL_THETA:
            marks[name]["#theta"] = short(cls.default_theta)

    text = {name: inner.model_type for name, inner in made.items() if inner.model_type != name}
    for name, inner_type in text.items():
        if inner_type not in rows:
            continue
        inner, kind = made[name], kinds[inner_type]
        own = type(inner)()
        row = made_row(rows[inner_type], values_of(inner), values_of(own), kind, asked[inner_type])
        if row is not rows[inner_type] and not has_position_table(type(inner)):
            row.pop("max_position_embeddings", None)
        if row is not rows[inner_type]:
            rows[f"{name}/text"] = row
            marks[f"{name}/text"] = nullable(type(inner), row)
        if kind == "decoder" and theta_of(inner) not in (None, theta_of(own)):
            marks.setdefault(f"{name}/text", {})["#theta"] = short(theta_of(inner))

    for name, inner_type in text.items():
        marks.setdefault(name, {})["#text"] = inner_type
    for name, more in marks.items():
        rows[name] = {**rows.get(name, {}), **more}
    types = packed(rows)
    if not same(unpacked(types), rows):
        sys.exit("the packed rows are not the rows")
    version = transformers.__version__
    source = f"transformers {version}: what configuration classes declare; null in likes: not declared"
    out = table_text(source, types)
    print(out, end="")
    print(f"{len(rows)} types, {len(text)} nested, {len(out)} characters", file=sys.stderr)


if __name__ == "__main__":
    main()
