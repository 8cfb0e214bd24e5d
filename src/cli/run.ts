/** Dispatches a command; turns errors into messages and exit codes. */

import { allocationRule } from '../cache/engines/register';
import { ENGINES } from '../model/scenario';
import { below, line, lines, type TerminalText } from '../present/terminal';
import { InputError, UsageError } from './errors';
import { bench } from './bench';
import { compare } from './compare';
import { convert } from './convert';
import { diff } from './diff';
import { draw } from './draw';
import { estimate } from './estimate';
import { fit } from './fit';
import { generate } from './generate';
import { heads } from './heads';
import { withHubFolders } from './hub';
import { lint } from './lint';
import { serveTools } from './mcp';
import { models } from './models';
import { tensors } from './tensors';
import { tradeoff } from './tradeoff';
import { WEIGHT_FORMATS } from '../model/weightFormat';
import type { CliOutput } from './output';

type Command = (args: readonly string[], output: CliOutput) => Promise<number>;

const mcp: Command = (args) => serveTools(args, runCli);

const COMMANDS: Readonly<Record<string, Command>> = {
  bench,
  compare,
  convert,
  diff,
  draw,
  estimate,
  fit,
  generate,
  heads,
  lint,
  mcp,
  models,
  tensors,
  tradeoff,
};

const USAGE = `usage: headlight COMMAND …
  estimate PATH [SCENARIO] [--json]   what a config caches, and why
  fit PATH [--gpu h100-sxm] [--fraction 0.9] [--of-free] [--overhead-gib 2] [SCENARIO] [--json]
                                               whether it fits (exit code 3: it does not); without --gpu: on 1 to 16 of every device
  compare PATH… [--as mha,gqa:8,mqa,mla:512+64] [--gpu h100-sxm] [SCENARIO] [--json]
  heads MODEL --layer L (--prompt TEXT | --ids 1,2,3) [--dump q,k,v,scores,weights,heads,output,hidden,logits]
        [--seed N] [--out F.json|F.png] [--no-measures] [--json]  what the heads of a layer do, with the model's own weights;
                                               with --seed: with random weights in the shapes of its config
  heads MODEL (--prompt TEXT | --ids 1,2,3) --ablate 3.5,3.6|3.group1|3.attention|3.mlp|all [--by zero|mean|other --other TEXT] [--json]
        [--follow " Paris"] [--dump logits]    what the prediction loses without a head, a group, a layer's attention or MLP;
                                               all: each by itself (--kinds head,group,attention,mlp; --results DIR|none: goes on
                                               where a run before was stopped)
  heads MODEL (--prompt TEXT | --ids 1,2,3) --attribute " Paris" [--against " Rome"] [--at POSITION] [--by-source] [--json]
                                               what each head, MLP and the embedding writes to the logit of a token, or to a difference
  heads MODEL --prompt CLEAN --patch CORRUPTED [--follow " Paris"] [--against " Rome"] [--kinds head,attention,mlp,residual] [--json]
                                               how much of the clean prediction comes back with one activation of the clean prompt
  heads MODEL --compose 3.5 [--json]           which earlier heads a head can read, from the weights alone
                                               (tokens: a text that is one token, or #ID; --precision float64|float32)
  convert MODEL --layer L --to gqa:G,mqa,mla:R+D [--method NAME|all] (--prompt TEXT | --ids 1,2,3) [--seed N] [--json]
                                               what the layer would cache and lose on this prompt; methods: mean-pool,
                                               aligned-pool (GQA, MQA), joint-svd, split-svd, activation-pca (MLA)
  tradeoff MODEL [--text FILE|--prompt TEXT|--ids 1,2,3] [--methods q8_0,mla:32+8/fp8,h2o:64,…] [--alone] [--budget 0.5]
        [--shard i/n] [--results DIR|none] [--precision float64|float32] [--text-tokens 512] [--tokens N --batch 1] [--json|--out F.svg]
                                               what smaller caches lose of the whole model's predictions: cache types, fewer tokens,
                                               GQA, low rank, MLA; --alone: each layer by itself; --merge F.json…: joins shards;
                                               --export DIR: writes the model with the one method named
  generate MODEL (--prompt TEXT | --ids 1,2,3) --tokens N [--json]   greedy continuation
  bench attention [--quick] [--json]           how fast attention runs on this machine, in each library
  diff OLD NEW [SCENARIO] [--json]             what a change does to the cache, as Markdown for a pull request
  draw PATH [--diff OTHER [--json]] [--blocks full,latent,…] [--out F.svg|F.png] [--scale 2] [--width 1200] [--theme light|dark]
       [--tokens 1] [--kv-dtype auto]          the architecture as a figure: layers, heads, experts, and what is cached;
                                               with --diff: what differs between two; --blocks: the kinds of layers to open
  draw PATH --flight decode|prefill [--tokens 8192] [--gpu h100-sxm] [SCENARIO] [--json]
                                               what a step reads, writes and computes in each box, and which take most
  models [--store huggingface|ollama|lmstudio|llamacpp] [SCENARIO] [--json]
                                               what these programs keep on this machine, from configs and headers
  tensors FILE [--find WORDS] [--sort name|stored|bytes] [--limit 100] [--values NAME] [--json]
                                               what a safetensors or GGUF file (an index, a model folder) holds, from its header;
                                               --values measures one tensor: minimum, maximum, mean, deviation, zeros, NaN
  lint PATH [--tp 1] [--kv-dtype auto] [--json | --format text|json|sarif|github]
                                               what is wrong with a config, and how to fix it
  mcp [--hub]                                  the commands as tools of assistants (Model Context Protocol, standard input and
                                               output); --hub: names on the Hub may be fetched
SCENARIO: --batch 1 --tokens 1 --engine intrinsic|vllm|sglang|trtllm|llamacpp|transformers[@RELEASE|@YYYY-MM]
          --opt NAME[=VALUE]… (start-up options, by the names that the engine gives them) --kv-dtype auto|…
          --weights FORMAT (if not given, as the files say): ${WEIGHT_FORMATS.join(' ')}
          --tp 1 --pp 1 --dcp 1 --dp-attention --mtp (count multi-token-prediction layers)
          --units GiB|GB (units of printed sizes; JSON has bytes)
          --families FILE (JSON that teaches model types: {"my_type": {"like": "known_type", "keys": {…}, "layerKinds": {…}}})
${optionLines()}
PATH: a config.json, a params.json, a GGUF file, a folder that holds one, or hf:ORG/NAME[@REVISION][/FILE] on the Hugging Face Hub
MODEL: a model folder (config.json and safetensors) or a GGUF file; for heads --seed also a config.json alone`;

function usage(): TerminalText {
  return lines(USAGE.split('\n'));
}

/** The options of each engine, a line for each. */
function optionLines(): string {
  return ENGINES.flatMap((engine) => {
    const { options, releases } = allocationRule(engine);
    if (options.length === 0) return [];
    const names = options.map(({ name }) => name).join(' ');
    return [`  --engine ${engine} (@${releases.map(({ id }) => id).join(' @')}) --opt ${names}`];
  }).join('\n');
}

/** Exit code: 0 ok, 1 the input is wrong, 2 wrong usage, 3 `fit`: it does not fit. */
export async function runCli(args: readonly string[], output: CliOutput): Promise<number> {
  const [name, ...rest] = args;
  const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (name === 'help' || [name, ...options].some((each) => each === '--help' || each === '-h')) {
    output.out(usage());
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    output.err(name === undefined ? usage() : below(line(`unknown command ${name}`), usage()));
    return 2;
  }
  try {
    return await withHubFolders(rest, output, (paths) => command(paths, output));
  } catch (error) {
    if (error instanceof UsageError) {
      output.err(below(line(error.message), usage()));
      return 2;
    }
    output.err(
      line(
        error instanceof InputError
          ? error.message
          : `internal error: ${error instanceof Error ? error.message : 'unknown'}`,
      ),
    );
    return 1;
  }
}
