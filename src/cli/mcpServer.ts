/**
 * The tools that assistants call over the Model Context Protocol, each a command of the command line with its JSON. A bundle of its own
 * (dist/mcpServer.js): the protocol's library is larger than all of the command line.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { HELP_HINT } from './errors';

/** What a command wrote, and its exit code. */
export interface Answered {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface McpParts {
  readonly version: string;
  /** Runs one command of the command line. */
  readonly run: (args: readonly string[]) => Promise<Answered>;
  /** Names on the Hub are fetched; without it they are refused: an assistant does not ask anybody before it calls. */
  readonly hub: boolean;
}

const MOST_CONFIG_CHARACTERS = 2_000_000;

const path = z
  .string()
  .min(1)
  .describe('Path of a config.json, a params.json, a GGUF file, or a folder that holds one.')
  .optional();
const config = z
  .string()
  .max(MOST_CONFIG_CHARACTERS)
  .describe('Text of a model config (JSON), if there is no file.')
  .optional();
const device = z.string().describe('A device, such as h100-sxm, h200, b200 or rtx-4090.').optional();
const count = z.number().int().min(1);
const tensorParallel = count.describe('Tensor-parallel devices. Default: 1.').optional();
const kvDtype = z
  .string()
  .describe('Element type of the KV cache, such as bf16, fp8 or q8_0. Default: auto.')
  .optional();
const scenario = {
  tokens: count.describe('Tokens of each sequence. Default: 1.').optional(),
  batch: count.describe('Sequences at the same time. Default: 1.').optional(),
  engine: z
    .string()
    .describe(
      'intrinsic (the theoretical minimum), vllm, sglang, trtllm, llamacpp or transformers, with @RELEASE or @YYYY-MM. Default: intrinsic.',
    )
    .optional(),
  kvDtype,
  weights: z.string().describe('Type of the weights, such as fp8 or q4_k_m. Default: as the files say.').optional(),
  tensorParallel,
  pipelineParallel: count.describe('Pipeline-parallel stages. Default: 1.').optional(),
};
type ScenarioInput = z.infer<z.ZodObject<typeof scenario>>;
interface Subject {
  readonly path?: string | undefined;
  readonly config?: string | undefined;
}

function scenarioArguments(input: Partial<ScenarioInput>): string[] {
  const given: readonly (readonly [string, string | number | undefined])[] = [
    ['--tokens', input.tokens],
    ['--batch', input.batch],
    ['--engine', input.engine],
    ['--kv-dtype', input.kvDtype],
    ['--weights', input.weights],
    ['--tp', input.tensorParallel],
    ['--pp', input.pipelineParallel],
  ];
  return given.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/** Serves over standard input and output until the client leaves. */
export async function serveMcp(parts: McpParts): Promise<void> {
  const server = new McpServer({ name: 'headlight', version: parts.version });
  addTools(server, parts);
  const transport = new StdioServerTransport();
  const ended = new Promise<void>((resolve) => {
    transport.onclose = resolve;
    process.stdin.once('end', resolve);
  });
  await server.connect(transport);
  await ended;
  await server.close();
}

function addTools(server: McpServer, parts: McpParts): void {
  const subject = { path, config };
  const readOnlyHint = { readOnlyHint: true, openWorldHint: false };
  server.registerTool(
    'estimate',
    {
      title: 'KV cache of a model',
      description:
        'Exact size of the KV cache of a language model from its config: design (MHA, GQA, MQA, MLA, windows, hybrids), bytes per token, total at a workload under the allocation rule of an engine, and the derivation. Numbers that are not exact say so. Prefer it to computing such numbers yourself.',
      inputSchema: { ...subject, ...scenario },
      annotations: readOnlyHint,
    },
    (input) => answer(parts, input, (file) => ['estimate', ...file, ...scenarioArguments(input), '--json']),
  );
  server.registerTool(
    'explain',
    {
      title: 'Where the number comes from',
      description:
        'The same as estimate, as text for people: each product with the config key and line that gave each factor.',
      inputSchema: { ...subject, ...scenario },
      annotations: readOnlyHint,
    },
    (input) => answer(parts, input, (file) => ['estimate', ...file, ...scenarioArguments(input)]),
  );
  server.registerTool(
    'compare',
    {
      title: 'Compare designs',
      description:
        'Compares the KV cache of models, or of one model rewritten as other designs: mha, gqa:G (G KV heads), mqa, mla:LATENT+ROPE. With a device also the least time of a decode step.',
      inputSchema: {
        ...subject,
        paths: z.array(z.string().min(1)).max(32).describe('Several configs, in place of path.').optional(),
        as: z.array(z.string()).max(32).describe('Designs, such as ["mha", "gqa:8", "mqa", "mla:512+64"].').optional(),
        device,
        ...scenario,
      },
      annotations: readOnlyHint,
    },
    (input) =>
      answer(parts, input, (files) => [
        'compare',
        ...files,
        ...(input.as ? [`--as=${input.as.join(',')}`] : []),
        ...(input.device === undefined ? [] : [`--gpu=${input.device}`]),
        ...scenarioArguments(input),
        '--json',
      ]),
  );
  server.registerTool(
    'fit',
    {
      title: 'Does it fit?',
      description:
        'Whether weights and cache of a set-up fit on a device, the longest context, how many sequences, what limits decoding, and changes that would make it fit. Without a device: which of the known devices hold it, 1 to 16 of each.',
      inputSchema: {
        ...subject,
        device,
        memoryFraction: z.number().min(0).max(1).describe('Share of the memory that the engine may take.').optional(),
        ...scenario,
      },
      annotations: readOnlyHint,
    },
    (input) =>
      answer(parts, input, (file) => [
        'fit',
        ...file,
        ...(input.device === undefined ? [] : [`--gpu=${input.device}`]),
        ...(input.memoryFraction === undefined ? [] : [`--fraction=${input.memoryFraction}`]),
        ...scenarioArguments(input),
        '--json',
      ]),
  );
  server.registerTool(
    'lint',
    {
      title: 'Problems of a config',
      description:
        'What is wrong with a model config (misspelt keys, heads that do not divide, contradictions), each with its line and a fix.',
      inputSchema: { ...subject, tensorParallel, kvDtype },
      annotations: readOnlyHint,
    },
    (input) => answer(parts, input, (file) => ['lint', ...file, ...scenarioArguments(input), '--json']),
  );
  server.registerTool(
    'draw',
    {
      title: 'Draw the architecture',
      description:
        'The architecture of a model as an SVG figure: layers folded by pattern, heads in groups, experts, and what is cached.',
      inputSchema: {
        ...subject,
        width: z.number().int().min(280).max(4096).describe('Width in pixels. Default: 1200.').optional(),
        theme: z.enum(['light', 'dark']).optional(),
      },
      annotations: readOnlyHint,
    },
    (input) =>
      answer(parts, input, (file) => [
        'draw',
        ...file,
        ...(input.width === undefined ? [] : [`--width=${input.width}`]),
        ...(input.theme === undefined ? [] : [`--theme=${input.theme}`]),
      ]),
  );
}

/** Exit codes at which a command has answered: 3 of `fit` says that it does not fit, 1 of `lint` that there are errors. */
const ANSWERED: Readonly<Record<string, readonly number[]>> = { fit: [0, 3], lint: [0, 1] };

async function answer(
  { run, hub }: McpParts,
  { path: file, config: text, paths }: Subject & { readonly paths?: readonly string[] | undefined },
  argumentsFor: (files: readonly string[]) => readonly string[],
): Promise<CallToolResult> {
  const named = paths ?? (file === undefined ? [] : [file]);
  if (named.length === 0 && text === undefined) return failed('Give a path or the text of a config.');
  if (!hub && named.some((name) => /^hf:/i.test(name)))
    return failed('Names on the Hub are fetched only by a server that was started with: headlight mcp --hub');
  // A path is never an option, however it is spelt.
  const safe = named.map((name) => (name.startsWith('-') ? `./${name}` : name));
  let folder: string | null = null;
  try {
    if (named.length === 0) {
      folder = await mkdtemp(join(tmpdir(), 'headlight-mcp-'));
      safe.push(join(folder, 'config.json'));
      await writeFile(join(folder, 'config.json'), text ?? '', { mode: 0o600 });
    }
    const args = argumentsFor(safe);
    const { code, out, err } = await run(args);
    const shown = (all: string): string => (folder === null ? all : all.replaceAll(`${folder}/`, ''));
    if (!(ANSWERED[args[0] ?? ''] ?? [0]).includes(code) || out === '')
      return failed(withoutUsage(shown(err)) || 'no answer');
    const content: CallToolResult['content'] = [{ type: 'text', text: shown(out).trimEnd() }];
    if (err !== '') content.push({ type: 'text', text: shown(err).trimEnd() });
    return { content };
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** How commands are typed helps nobody who calls tools. */
function withoutUsage(text: string): string {
  return text.replace(HELP_HINT, '');
}

function failed(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text: text.trimEnd() }] };
}
