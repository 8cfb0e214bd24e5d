/**
 * What help and completion say of each command and option. The types of the options are in the commands' own tables; words stand here,
 * so that no run pays for them.
 */

import { ENGINES } from '../model/scenario';
import { KV_DTYPES } from '../model/dtype';
import { UNITS } from '../model/units';
import { WEIGHT_FORMATS } from '../model/weightFormat';
import { DEVICES } from '../serving/hardware';

export interface OptionWords {
  /** What stands for the value: N, FILE. */
  readonly value?: string;
  readonly about: string;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
  /** Heading that it stands under. */
  readonly group?: string;
}

export interface CommandWords {
  readonly summary: string;
  /** Arguments, as they are written: "PATH…". Empty: none. */
  readonly takes: string;
  readonly about?: readonly string[];
  /** Words of options that mean something else here than in other commands, or that no other has. */
  readonly options?: Readonly<Record<string, OptionWords>>;
  /** What is typed behind `headlight`, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
}

const PATH =
  'PATH: a config.json, a params.json, a GGUF file, a folder that holds one, hf:ORG/NAME[@REVISION][/FILE] on the Hugging Face Hub, or - for standard input';
const MODEL =
  'MODEL: a model folder (config.json and safetensors) or a GGUF file; with --seed also a config.json alone';

const GPU = { value: 'ID', choices: DEVICES.map(({ id }) => id) };
const SCENARIO = 'scenario:';

const PAGE = { value: 'F.html', about: 'write a page in one file, which loads nothing, instead of printing' };

/** What an option means in every command that has it. */
const COMMON_OPTIONS: Readonly<Record<string, OptionWords>> = {
  batch: { value: 'N', about: 'sequences at the same time (default: 1)', group: SCENARIO },
  tokens: { value: 'N', about: 'tokens of each sequence, as 4096 or 32k (default: 1)', group: SCENARIO },
  engine: {
    value: 'NAME[@RELEASE]',
    about: `whose allocation rule: ${ENGINES.join(', ')}; @RELEASE or @YYYY-MM for how it was then (default: intrinsic, the theoretical minimum)`,
    choices: ENGINES,
    group: SCENARIO,
  },
  opt: {
    value: 'NAME[=VALUE]',
    about: 'a start-up option, as the engine calls it; may be repeated',
    group: SCENARIO,
  },
  'kv-dtype': {
    value: 'TYPE',
    about: 'element type of the KV cache (default: auto)',
    choices: KV_DTYPES,
    group: SCENARIO,
  },
  weights: {
    value: 'FORMAT',
    about: `type of the weights: ${WEIGHT_FORMATS.join(', ')} (default: as the files say)`,
    choices: WEIGHT_FORMATS,
    group: SCENARIO,
  },
  tp: { value: 'N', about: 'tensor-parallel devices (default: 1)', group: SCENARIO },
  pp: { value: 'N', about: 'pipeline-parallel stages (default: 1)', group: SCENARIO },
  dcp: { value: 'N', about: 'devices that share the tokens of a cache while decoding (default: 1)', group: SCENARIO },
  'dp-attention': { about: 'attention is data-parallel: every device has sequences of its own', group: SCENARIO },
  mtp: { about: 'count the layers of multi-token prediction', group: SCENARIO },
  families: {
    value: 'FILE',
    about: 'JSON that teaches model types: {"my_type": {"like": "known_type", "keys": {…}, "layerKinds": {…}}}',
    group: SCENARIO,
  },
  units: { value: 'UNIT', about: 'units of printed sizes (default: GiB); JSON has bytes', choices: UNITS },
  json: { about: 'print one JSON object, for programs' },
  gpu: { ...GPU, about: 'a device, such as h100-sxm or rtx-4090' },
  prompt: { value: 'TEXT', about: 'some text, in the tokens of the model' },
  ids: { value: '1,2,3', about: 'token ids, instead of some text' },
  layer: { value: 'L', about: 'the layer, from 0' },
  seed: { value: 'N', about: "random weights of this seed, in the shapes of the config, instead of the model's own" },
  out: { value: 'FILE', about: 'write a file instead of printing' },
};

/** A prompt, or a random sequence that comes twice. */
const SEQUENCE_WORDS: Readonly<Record<string, OptionWords>> = {
  repeat: { value: 'N', about: 'instead of some text: N random tokens, twice' },
  seed: { value: 'N', about: 'of these tokens (default: 0)' },
  before: { value: 'TEXT', about: 'what stands before them' },
  between: { value: 'TEXT', about: 'what stands between the two copies' },
};

/** By name. */
export const COMMANDS_IN_WORDS: Readonly<Record<string, CommandWords>> = {
  estimate: {
    summary: 'what a config caches, and why',
    takes: 'PATH',
    about: [PATH],
    options: { out: PAGE },
    examples: [
      ['estimate config.json', 'bytes per token, and the keys that they come from'],
      ['estimate hf:deepseek-ai/DeepSeek-V3 --tokens 32k --batch 16 --engine vllm', 'what vLLM holds at that load'],
      ['estimate model.gguf --engine llamacpp --opt cache-type-k=q8_0 --json', 'the same for a program'],
    ],
  },
  fit: {
    summary: 'whether it fits a device: weights, cache, and how many sequences',
    takes: 'PATH',
    about: [PATH, 'Exit code 3: it does not fit. Without --gpu: a table of every device, from 1 to 16 of it.'],
    options: {
      out: PAGE,
      fraction: { value: 'SHARE', about: "share of the memory that the engine may use (default: the engine's own)" },
      'of-free': { about: 'the share is of what is free after the weights, not of all memory' },
      'overhead-gib': { value: 'GIB', about: 'memory that start-up takes besides, where it was measured' },
    },
    examples: [
      ['fit config.json --tokens 32k', 'every device, the smallest that fits first'],
      ['fit config.json --gpu h100-sxm --tp 2 --engine vllm@0.11 --tokens 128k', 'one set-up in detail'],
      ['fit config.json --gpu rtx-4090 --weights q4_k_m --json', 'for a script: exit code 3 where it does not fit'],
    ],
  },
  compare: {
    summary: 'configs with each other, or one as MHA, GQA, MQA and MLA',
    takes: 'PATH…',
    about: [PATH],
    options: {
      out: PAGE,
      as: {
        value: 'DESIGNS',
        about: 'designs to compare with: mha, gqa:GROUPS, mqa, mla:LATENT+ROTARY, separated by commas',
      },
      gpu: { ...GPU, about: 'add the time of a decode step on this device' },
    },
    examples: [
      ['compare config.json --tokens 32k', 'the same model with each attention design'],
      ['compare config.json --as mha,gqa:8,mla:512+64', 'with the designs that are named'],
      ['compare a/config.json b/config.json --gpu h100-sxm', 'two models, with the time of a decode step'],
    ],
  },
  diff: {
    summary: 'what a change does to the cache, as Markdown for a pull request',
    takes: 'OLD NEW',
    about: [PATH],
    options: { out: PAGE },
    examples: [
      ['diff old.json new.json --tokens 32k', 'the change in one sentence, then the keys'],
      ['diff <(git show main:config.json) config.json', 'against another revision'],
    ],
  },
  lint: {
    summary: 'what is wrong with a config, and how to fix it',
    takes: 'PATH…',
    about: [PATH, 'Exit code 1: one of them holds an error.'],
    options: {
      'skip-others': { about: 'pass over files that are no model configs' },
      tp: { value: 'N', about: 'devices of tensor parallelism that heads must divide by (default: 1)' },
      'kv-dtype': {
        value: 'TYPE',
        about: 'element type that the cache is to have (default: auto)',
        choices: KV_DTYPES,
      },
      format: {
        value: 'FORMAT',
        about: 'text, json, sarif or github (default: text)',
        choices: ['text', 'json', 'sarif', 'github'],
      },
    },
    examples: [
      ['lint config.json', 'a line for each problem'],
      ['lint a/config.json b/other.json --skip-others --format github', 'annotations of a pull request'],
      ['lint - < config.json', 'what comes through a pipe'],
    ],
  },
  draw: {
    summary: 'the architecture as a figure, or what differs between two',
    takes: 'PATH',
    about: [PATH],
    options: {
      diff: { value: 'OTHER', about: 'draw two models beside each other, and what differs' },
      blocks: { value: 'KINDS', about: 'the kinds of layers to open, separated by commas: full, latent, …' },
      flight: {
        value: 'STEP',
        about: 'what a step reads, writes and computes in each box: decode or prefill',
        choices: ['decode', 'prefill'],
      },
      out: { value: 'FILE', about: 'F.svg, F.png or F.html (default: SVG on standard output)' },
      width: { value: 'PIXELS', about: 'width of the figure (default: 1200)' },
      theme: { value: 'THEME', about: 'light or dark (default: light)', choices: ['light', 'dark'] },
      scale: { value: 'TIMES', about: 'pixels of a PNG for one of the figure (default: 2)' },
      json: { about: 'data for programs: with --diff or --flight' },
      gpu: { ...GPU, about: 'with --flight: times on this device' },
    },
    examples: [
      ['draw config.json --out model.svg', 'layers, heads, experts, and what is cached'],
      ['draw a.json --diff b.json --out difference.png', 'what differs between two'],
      ['draw config.json --flight decode --gpu h100-sxm --tokens 8192 --out step.svg', 'one decode step'],
    ],
  },
  models: {
    summary: 'what other programs keep on this machine, from configs and headers',
    takes: '',
    options: {
      store: {
        value: 'STORE',
        about: 'huggingface, ollama, lmstudio or llamacpp (default: all)',
        choices: ['huggingface', 'ollama', 'lmstudio', 'llamacpp'],
      },
    },
    examples: [
      ['models', 'every model, with its design and size'],
      ['models --store ollama --json', 'those of Ollama, for a program'],
    ],
  },
  tensors: {
    summary: 'what a weight file holds, from its header',
    takes: 'FILE',
    about: ['FILE: a safetensors or GGUF file, an index, or a model folder'],
    options: {
      find: { value: 'WORDS', about: 'only tensors that have these words in name, type or heads' },
      sort: { value: 'BY', about: 'name, stored or bytes (default: name)', choices: ['name', 'stored', 'bytes'] },
      limit: { value: 'N', about: 'rows to print (default: 100; with --json all)' },
      values: { value: 'NAME', about: 'measure one tensor: minimum, maximum, mean, deviation, zeros, NaN' },
    },
    examples: [
      ['tensors model.safetensors --find "layers.0 attn"', 'the attention of the first layer'],
      ['tensors model.gguf --sort bytes --limit 10', 'the largest'],
      ['tensors . --values model.norm.weight', 'figures of one tensor'],
    ],
  },
  heads: {
    summary: 'what the heads of a layer do with some text',
    takes: 'MODEL',
    about: [MODEL],
    options: {
      dump: { value: 'NAMES', about: 'q, k, v, scores, weights, heads, output, hidden, logits; separated by commas' },
      out: { value: 'FILE', about: 'F.json or F.png' },
      'no-measures': { about: 'leave out the measures on heads' },
      ablate: {
        value: 'PARTS',
        about: '3.5,3.6, 3.group1, 3.attention, 3.mlp, or all (each by itself): what is lost without them',
      },
      by: { value: 'HOW', about: 'what stands for the part: zero, mean, or other', choices: ['zero', 'mean', 'other'] },
      other: { value: 'TEXT', about: 'with --by other: the text that it is taken from' },
      attribute: { value: 'TOKEN', about: 'what each head, MLP and the embedding writes to the logit of this token' },
      against: { value: 'TOKEN', about: 'to the difference from the logit of this token' },
      at: { value: 'POSITION', about: 'the position that is looked at (default: the last)' },
      'by-source': { about: 'also from which token each head takes it' },
      patch: { value: 'TEXT', about: 'corrupted text: how much comes back with one activation of the prompt' },
      compose: { value: 'L.H', about: 'which earlier heads this head can read, from the weights alone' },
      follow: { value: 'TOKEN', about: 'the token whose chance is followed (text of one token, or #ID)' },
      kinds: { value: 'KINDS', about: 'head, group, attention, mlp, residual; separated by commas' },
      precision: { value: 'TYPE', about: 'float64 or float32', choices: ['float64', 'float32'] },
      results: { value: 'DIR', about: 'where results are kept between runs, or none' },
    },
    examples: [
      ['heads . --layer 2 --prompt "The cat sat on the mat"', 'entropy, sinks, induction of each head'],
      ['heads . --layer 0 --ids 1,2,3 --dump weights --out heads.png', 'a picture of the weights'],
      ['heads config.json --layer 0 --ids 1,2,3 --seed 1', 'random weights in the shapes of a config'],
    ],
  },
  lens: {
    summary: 'what the model says next, and would say after every layer',
    takes: 'MODEL',
    about: [MODEL],
    options: {
      position: { value: 'N', about: 'the position that is looked at, or all (default: the last)' },
      top: { value: 'N', about: 'tokens to print (default: 10)' },
      token: {
        value: 'TOKEN',
        about: 'a token whose rank is followed (text of one token, or its id); may be repeated',
      },
    },
    examples: [
      ['lens . --prompt "The capital of France is"', 'the likeliest tokens, and those of each layer'],
      ['lens . --prompt "The capital of France is" --token " Paris" --json', 'the rank of one token, for a program'],
    ],
  },
  named: {
    summary: 'heads that have a name: previous token, duplicate, induction, sink, copy suppression',
    takes: 'MODEL',
    about: [MODEL],
    options: { ...SEQUENCE_WORDS, all: { about: 'all heads, not only those above a threshold' } },
    examples: [
      ['named . --repeat 32', 'on a random sequence that comes twice'],
      ['named . --prompt "When Mary and John went out, John gave" --all', 'every score on some text'],
    ],
  },
  diversity: {
    summary: 'how different the heads of each layer are, and the effective rank of K, V and latents',
    takes: 'MODEL…',
    about: [MODEL],
    options: {
      ...SEQUENCE_WORDS,
      effects: {
        about: 'takes out each head and each group with one KV head as well: what a head does against its group',
      },
    },
    examples: [
      ['diversity mha gqa mqa mla --repeat 32', 'four models beside each other'],
      ['diversity gqa mqa --repeat 32 --effects', 'what one head does against its group'],
      ['diversity . --prompt "Once upon a time" --json', 'one model, for a program'],
    ],
  },
  convert: {
    summary: 'what a layer would cache, and lose, as GQA, MQA or MLA',
    takes: 'MODEL',
    about: [MODEL],
    options: {
      to: { value: 'DESIGNS', about: 'gqa:GROUPS, mqa, mla:LATENT+ROTARY; separated by commas' },
      method: {
        value: 'NAME',
        about: 'mean-pool, aligned-pool (GQA, MQA), joint-svd, split-svd, activation-pca (MLA), or all',
        choices: ['mean-pool', 'aligned-pool', 'joint-svd', 'split-svd', 'activation-pca', 'all'],
      },
    },
    examples: [
      ['convert . --layer 0 --to gqa:2,mqa --prompt "The cat sat"', 'two designs on one prompt'],
      ['convert . --layer 0 --to mla:64+8 --method all --ids 1,2,3,4 --json', 'every method, for a program'],
    ],
  },
  tradeoff: {
    summary: "what smaller caches lose of the whole model's predictions",
    takes: 'MODEL',
    about: [MODEL, 'With --merge: the JSON files of the parts instead of a model.'],
    options: {
      text: { value: 'FILE', about: 'a file of text to measure on' },
      'text-tokens': { value: 'N', about: 'tokens of it that are taken (default: 512)' },
      methods: { value: 'LIST', about: 'such as q8_0,mla:32+8/fp8,h2o:64 (default: all that suit the model)' },
      alone: { about: 'convert each layer by itself, too' },
      budget: { value: 'SHARE', about: 'share of the cache to keep, shared out between the layers for the least loss' },
      tokens: { value: 'N', about: 'with --batch: also sizes at this many tokens' },
      batch: { value: 'N', about: 'with --tokens: also sizes at this many sequences' },
      shard: { value: 'i/n', about: 'measure one of n parts of the methods' },
      merge: { about: 'join the JSON files of the parts' },
      export: { value: 'DIR', about: 'write the model, converted by the one method that is named' },
      results: { value: 'DIR', about: 'where results are kept between runs, or none' },
      precision: { value: 'TYPE', about: 'float64 or float32', choices: ['float64', 'float32'] },
      'probe-tokens': { value: 'N', about: 'tokens of the long-range probes beside the text (0: none)' },
      siblings: {
        value: 'DIRS',
        about: 'models trained with another design to hold it against, separated by commas, or none',
      },
      published: { about: 'figures that others published beside it' },
      out: { value: 'FILE', about: 'F.svg: the curve' },
    },
    examples: [
      ['tradeoff . --text sample.txt', 'every method on one text'],
      ['tradeoff . --methods q8_0,h2o:64 --json', 'two methods, for a program'],
      ['tradeoff . --shard 1/4 --json > part1.json', 'a part; tradeoff --merge part*.json joins them'],
    ],
  },
  generate: {
    summary: 'a continuation, greedy or drawn',
    takes: 'MODEL',
    about: [MODEL],
    options: {
      tokens: { value: 'N', about: 'tokens to add' },
      temperature: { value: 'T', about: 'draw instead of taking the likeliest (default: 0)' },
      'top-k': { value: 'N', about: 'draw from the N likeliest' },
      'top-p': { value: 'P', about: 'draw from the likeliest that have this chance together' },
      seed: { value: 'N', about: 'of the drawing' },
      trace: { about: 'the chance of each token, and the cache' },
    },
    examples: [['generate . --prompt "Once upon a time" --tokens 20', 'twenty tokens more']],
  },
  bench: {
    summary: 'how fast attention runs on this machine, in each library',
    takes: 'attention',
    options: {
      quick: { about: 'fewer runs' },
      gpu: { about: 'longer contexts on the GPU, beside PyTorch with CUDA' },
      only: { value: 'CASE', about: 'only cases that have this in their name' },
    },
    examples: [['bench attention --quick', 'a first impression']],
  },
  mcp: {
    summary: 'the commands as tools of assistants (Model Context Protocol)',
    takes: '',
    about: ['Speaks on standard input and output; an assistant starts it.'],
    options: { hub: { about: 'names on the Hugging Face Hub may be fetched' } },
    examples: [['mcp', 'as the command of a server in the settings of an assistant']],
  },
  completion: {
    summary: 'a script that completes commands and options in a shell',
    takes: 'SHELL',
    about: ['SHELL: bash, zsh or fish'],
    examples: [
      ['completion bash > ~/.local/share/bash-completion/completions/headlight', 'bash'],
      ['completion zsh > "${fpath[1]}/_headlight"', 'zsh'],
      ['completion fish > ~/.config/fish/completions/headlight.fish', 'fish'],
    ],
  },
};

/** Words of an option of a command; none where nobody wrote any. */
export function optionWords(command: string, option: string): OptionWords | null {
  const own = Object.hasOwn(COMMANDS_IN_WORDS, command) ? COMMANDS_IN_WORDS[command]?.options : undefined;
  if (own && Object.hasOwn(own, option)) return own[option] ?? null;
  return Object.hasOwn(COMMON_OPTIONS, option) ? (COMMON_OPTIONS[option] ?? null) : null;
}
