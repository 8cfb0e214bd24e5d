// The process that calls libllama. It reads a request in JSON a line and answers with one line each; a crash ends it, not the tests.
//   node libllamaProcess.mjs '{"folder": …, "library": …, "ggml": …, "base": …, "koffi": …}'
// Structs are those of include/llama.h and ggml/include/gguf.h of llama.cpp v0.5.0, checked by the defaults that the library gives.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { jsonLine } from './jsonLine.mjs';

/** @type {import('./libllama.mjs').Libllama} */
const places = JSON.parse(process.argv[2] ?? '{}');
const koffi = createRequire(import.meta.url)(places.koffi);

/** Element types of the cache: `enum ggml_type`. */
const TYPES = { f32: 0, f16: 1, q4_0: 2, q4_1: 3, q5_0: 6, q5_1: 7, q8_0: 8, iq4_nl: 20, bf16: 30 };
const FLASH = { auto: -1, off: 0, on: 1 };

koffi.struct('llama_model_params', {
  devices: 'void *',
  tensor_buft_overrides: 'void *',
  n_gpu_layers: 'int32_t',
  split_mode: 'int32_t',
  load_mode: 'int32_t',
  lazy_mode: 'int32_t',
  main_gpu: 'int32_t',
  tensor_split: 'void *',
  progress_callback: 'void *',
  progress_callback_user_data: 'void *',
  kv_overrides: 'void *',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
});
koffi.struct('llama_context_params', {
  n_ctx: 'uint32_t',
  n_batch: 'uint32_t',
  n_ubatch: 'uint32_t',
  n_seq_max: 'uint32_t',
  n_rs_seq: 'uint32_t',
  n_outputs_max: 'uint32_t',
  n_outputs_max_per_seq: 'uint32_t',
  n_threads: 'int32_t',
  n_threads_batch: 'int32_t',
  ctx_type: 'int32_t',
  rope_scaling_type: 'int32_t',
  pooling_type: 'int32_t',
  attention_type: 'int32_t',
  flash_attn_type: 'int32_t',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32_t',
  defrag_thold: 'float',
  cb_eval: 'void *',
  cb_eval_user_data: 'void *',
  type_k: 'int32_t',
  type_v: 'int32_t',
  abort_callback: 'void *',
  abort_callback_data: 'void *',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void *',
  n_samplers: 'size_t',
  ctx_other: 'void *',
});
koffi.struct('llama_batch', {
  n_tokens: 'int32_t',
  token: 'int32_t *',
  embd: 'void *',
  pos: 'void *',
  n_seq_id: 'void *',
  seq_id: 'void *',
  logits: 'int8_t *',
});
koffi.struct('gguf_init_params', { no_alloc: 'bool', ctx: 'void *' });
koffi.struct('ggml_init_params', { mem_size: 'size_t', mem_buffer: 'void *', no_alloc: 'bool' });
/** `std::map` of libstdc++: comparator, header node (colour, root, first, last), number of nodes. */
const MapOfSizes = koffi.struct('memory_breakdown', {
  compare: 'uint64_t',
  colour: 'uint64_t',
  root: 'uint64_t',
  first: 'uint64_t',
  last: 'uint64_t',
  count: 'uint64_t',
});
/** A node of it: colour, parent, left, right, then key (buffer type) and `llama_memory_breakdown_data`. */
const MapNode = koffi.struct('memory_breakdown_node', {
  colour: 'uint64_t',
  parent: 'uint64_t',
  left: 'uint64_t',
  right: 'uint64_t',
  key: 'uint64_t',
  model: 'uint64_t',
  context: 'uint64_t',
  compute: 'uint64_t',
});
const ArchList = koffi.struct('vector_of_arch', { begin: 'uint64_t', end: 'uint64_t', capacity: 'uint64_t' });
const LogCallback = koffi.proto('void log_callback(int level, const char *text, void *user)');
const DataCallback = koffi.proto('void tensor_data_callback(void *tensor, void *user)');

const base = koffi.load(places.base, { global: true });
const ggml = koffi.load(places.ggml, { global: true });
const llama = koffi.load(places.library, { global: true });

const ggufInit = base.func('void *gguf_init_from_file(const char *path, gguf_init_params params)');
const ggufFree = base.func('void gguf_free(void *ctx)');
const ggufAdd = base.func('void gguf_add_tensor(void *gguf, void *tensor)');
const ggmlInit = base.func('void *ggml_init(ggml_init_params params)');
const ggmlFree = base.func('void ggml_free(void *ggml)');
const newTensor = base.func('void *ggml_new_tensor_1d(void *ggml, int32_t type, int64_t length)');
const setName = base.func('void *ggml_set_name(void *tensor, const char *name)');
const quantiseInit = base.func('void ggml_quantize_init(int32_t type)');
const quantiseChunk = base.func(
  'size_t ggml_quantize_chunk(int32_t type, float *from, uint8_t *to, int64_t start, int64_t rows, int64_t width, void *importance)',
);
const rowSize = base.func('size_t ggml_row_size(int32_t type, int64_t width)');
const loadBackends = ggml.func('void ggml_backend_load_all_from_path(const char *folder)');
const api = {
  init: llama.func('void llama_backend_init()'),
  log: llama.func('void llama_log_set(log_callback *callback, void *user)'),
  modelDefaults: llama.func('llama_model_params llama_model_default_params()'),
  contextDefaults: llama.func('llama_context_params llama_context_default_params()'),
  load: llama.func('void *llama_model_load_from_file(const char *path, llama_model_params params)'),
  loadHeader: llama.func(
    'void *llama_model_init_from_user(void *gguf, tensor_data_callback *data, void *user, llama_model_params params)',
  ),
  freeModel: llama.func('void llama_model_free(void *model)'),
  context: llama.func('void *llama_init_from_model(void *model, llama_context_params params)'),
  freeContext: llama.func('void llama_free(void *context)'),
  breakdown: llama.func('_Z26llama_get_memory_breakdownPK13llama_context', MapOfSizes, ['void *']),
  tokens: llama.func('uint32_t llama_n_ctx(void *context)'),
  sequenceTokens: llama.func('uint32_t llama_n_ctx_seq(void *context)'),
  microBatch: llama.func('uint32_t llama_n_ubatch(void *context)'),
  sequences: llama.func('uint32_t llama_n_seq_max(void *context)'),
  draftStates: llama.func('uint32_t llama_n_rs_seq(void *context)'),
  vocabulary: llama.func('void *llama_model_get_vocab(void *model)'),
  vocabularySize: llama.func('int32_t llama_vocab_n_tokens(void *vocabulary)'),
  hasEncoder: llama.func('bool llama_model_has_encoder(void *model)'),
  tokenize: llama.func(
    'int32_t llama_tokenize(void *vocabulary, const char *text, int32_t length, int32_t *tokens, int32_t room, bool special, bool parse)',
  ),
  piece: llama.func(
    'int32_t llama_token_to_piece(void *vocabulary, int32_t token, uint8_t *text, int32_t room, int32_t strip, bool special)',
  ),
  addsBos: llama.func('bool llama_vocab_get_add_bos(void *vocabulary)'),
  addsEos: llama.func('bool llama_vocab_get_add_eos(void *vocabulary)'),
  isEnd: llama.func('bool llama_vocab_is_eog(void *vocabulary, int32_t token)'),
  encode: llama.func('int32_t llama_encode(void *context, llama_batch batch)'),
  decode: llama.func('int32_t llama_decode(void *context, llama_batch batch)'),
  logits: llama.func('float *llama_get_logits_ith(void *context, int32_t index)'),
  memory: llama.func('void *llama_get_memory(void *context)'),
  clear: llama.func('void llama_memory_clear(void *memory, bool data)'),
  architectures: llama.func('_Z12llm_arch_allv', ArchList, []),
  architectureName: llama.func('_Z13llm_arch_name8llm_arch', 'const char *', ['int32_t']),
  isRecurrent: llama.func('_Z21llm_arch_is_recurrentRK8llm_arch', 'bool', ['int32_t *']),
  isHybrid: llama.func('_Z18llm_arch_is_hybridRK8llm_arch', 'bool', ['int32_t *']),
  goesBack: llama.func('_Z29llm_arch_supports_rs_rollbackRK8llm_arch', 'bool', ['int32_t *']),
};

/** What the library printed since the last request. */
let lines = '';
const log = koffi.register((/** @type {number} */ _level, /** @type {string} */ text) => {
  lines += text;
}, koffi.pointer(LogCallback));
api.log(log, null);
loadBackends(places.folder);
api.init();
const noData = koffi.register(() => undefined, koffi.pointer(DataCallback));

/** Defaults that the library must report if the structs are laid out as above (llama_*_default_params of the release). */
function checkLayout() {
  const expected = {
    model: {
      n_gpu_layers: -1,
      split_mode: 1,
      load_mode: -1,
      lazy_mode: 1,
      main_gpu: 0,
      use_extra_bufts: true,
      no_alloc: false,
    },
    context: {
      ...{ n_ctx: 512, n_batch: 2048, n_ubatch: 512, n_seq_max: 1, n_rs_seq: 0, n_outputs_max_per_seq: 1 },
      ...{ rope_scaling_type: -1, flash_attn_type: -1, yarn_ext_factor: -1, yarn_beta_slow: -1, defrag_thold: -1 },
      ...{
        type_k: TYPES.f16,
        type_v: TYPES.f16,
        embeddings: false,
        offload_kqv: true,
        swa_full: true,
        kv_unified: false,
      },
    },
  };
  const actual = { model: api.modelDefaults(), context: api.contextDefaults() };
  for (const part of /** @type {const} */ (['model', 'context']))
    for (const [key, value] of Object.entries(expected[part]))
      if (actual[part][key] !== value) throw new Error(`${part} params: ${key} is ${actual[part][key]}, not ${value}`);
}
checkLayout();

/** @type {Map<number, any>} */
const models = new Map();
/** @type {Map<number, { context: any; model: any }>} */
const contexts = new Map();
let last = 0;

/** @param {Map<number, any>} map @param {number} id */
function known(map, id) {
  const value = map.get(id);
  if (value === undefined) throw new Error(`no ${id} here`);
  return value;
}

/** @param {any} context */
function sizes(context) {
  const total = { model: 0, context: 0, compute: 0 };
  const map = api.breakdown(context);
  /** @type {(at: number | bigint) => number} */
  const walk = (at) => {
    if (BigInt(at) === 0n) return 0;
    const node = koffi.decode(BigInt(at), MapNode);
    total.model += Number(node.model);
    total.context += Number(node.context);
    total.compute += Number(node.compute);
    return 1 + walk(node.left) + walk(node.right);
  };
  const nodes = walk(map.root);
  if (nodes !== Number(map.count)) throw new Error(`a map of ${map.count} nodes has ${nodes}`);
  return total;
}

/** @param {number[]} tokens @param {'all' | 'last'} outputs */
function batchOf(tokens, outputs) {
  const logits = Int8Array.from(tokens, (_, index) => (outputs === 'all' || index === tokens.length - 1 ? 1 : 0));
  return {
    n_tokens: tokens.length,
    token: Int32Array.from(tokens),
    embd: null,
    pos: null,
    n_seq_id: null,
    seq_id: null,
    logits,
  };
}

/** @param {any} context @param {number} index @param {number} length */
function logitsAt(context, index, length) {
  const at = api.logits(context, index);
  if (at === null) throw new Error(`no logits of token ${index}`);
  // A copy: the library reuses the place.
  return Float32Array.from(new Float32Array(koffi.view(at, length * 4)));
}

/** @param {{ context: any; model: any }} opened @param {number[]} tokens @param {'all' | 'last'} outputs */
function decode({ context, model }, tokens, outputs) {
  const status = api.decode(context, batchOf(tokens, outputs));
  if (status !== 0) throw new Error(`llama_decode: ${status}`);
  const length = api.vocabularySize(api.vocabulary(model));
  const wanted = outputs === 'all' ? tokens.map((_, index) => index) : [tokens.length - 1];
  return wanted.map((index) => logitsAt(context, index, length));
}

/**
 * A model from metadata alone. The library makes every tensor that the architecture must have, and then wants their number to be that of
 * the header's: it says how many there are, and is given as many that it does not ask for.
 * @param {string} path
 * @param {object} params
 */
function openHeader(path, params) {
  /** @param {number} tensors */
  const attempt = (tensors) => {
    const header = ggufInit(path, { no_alloc: true, ctx: null });
    if (header === null) return null;
    const ggmlContext = ggmlInit({ mem_size: (tensors + 1) * 1024, mem_buffer: null, no_alloc: true });
    for (let i = 0; i < tensors; i++) {
      const tensor = newTensor(ggmlContext, TYPES.f32, 1);
      setName(tensor, `unasked.${i}`);
      ggufAdd(header, tensor);
    }
    const model = api.loadHeader(header, noData, null, params);
    ggmlFree(ggmlContext);
    ggufFree(header);
    return model;
  };
  const first = attempt(0);
  const made = /too many tensors created; expected (\d+), got (\d+)/.exec(lines);
  return first !== null || made === null ? first : attempt(Number(made[2]) - Number(made[1]));
}

/** @param {any} vocabulary @param {string} text @param {boolean} addSpecial @param {boolean} parseSpecial */
function tokensOf(vocabulary, text, addSpecial, parseSpecial) {
  const length = Buffer.byteLength(text);
  const ids = new Int32Array(length * 2 + 8);
  const count = api.tokenize(vocabulary, text, length, ids, ids.length, addSpecial, parseSpecial);
  if (count < 0) throw new Error(`llama_tokenize: ${count}`);
  return [...ids.subarray(0, count)];
}

/** @type {Record<string, (request: any) => unknown>} */
const HANDLERS = {
  architectures() {
    const list = api.architectures();
    const bytes = Number(list.end) - Number(list.begin);
    /** @type {number[]} */
    const numbers = [...koffi.decode(BigInt(list.begin), 'int32_t', bytes / 4)];
    return numbers.map((number) => ({
      name: api.architectureName(number),
      recurrent: api.isRecurrent([number]),
      hybrid: api.isHybrid([number]),
      keepsDraftStates: api.goesBack([number]),
    }));
  },
  /** `headerOnly`: the file has metadata and no tensors; the library makes those that it asks for. Nobody writes into them. */
  open({ path, headerOnly = false, vocabularyOnly = false, draftLayers = false }) {
    const params = {
      ...api.modelDefaults(),
      n_gpu_layers: 0,
      use_extra_bufts: false,
      vocab_only: vocabularyOnly,
      load_mtp: draftLayers,
    };
    let model = null;
    if (headerOnly) model = openHeader(path, params);
    else model = api.load(path, params);
    if (model === null) return { refused: lines };
    models.set(++last, model);
    return { model: last, lines };
  },
  close({ model }) {
    for (const [id, opened] of contexts)
      if (opened.model === models.get(model)) HANDLERS['closeContext']?.({ context: id });
    api.freeModel(known(models, model));
    models.delete(model);
    return {};
  },
  context({ model, tokens, batch = 2048, microBatch = 512, sequences = 1, unified = false, swaFull = false, ...more }) {
    const { k = 'f16', v = 'f16', flash = 'auto', draftStates = 0, draftContext = false, threads = 1 } = more;
    const params = {
      ...api.contextDefaults(),
      n_ctx: tokens,
      n_batch: batch,
      n_ubatch: microBatch,
      n_seq_max: sequences,
      n_rs_seq: draftStates,
      n_outputs_max_per_seq: 0,
      n_threads: threads,
      n_threads_batch: threads,
      ctx_type: draftContext ? 1 : 0,
      flash_attn_type: FLASH[/** @type {keyof typeof FLASH} */ (flash)],
      type_k: TYPES[/** @type {keyof typeof TYPES} */ (k)],
      type_v: TYPES[/** @type {keyof typeof TYPES} */ (v)],
      offload_kqv: false,
      op_offload: false,
      swa_full: swaFull,
      kv_unified: unified,
    };
    const context = api.context(known(models, model), params);
    if (context === null) return { refused: lines };
    contexts.set(++last, { context, model: models.get(model) });
    return {
      context: last,
      bytes: sizes(context),
      contextTokens: api.tokens(context),
      sequenceTokens: api.sequenceTokens(context),
      microBatch: api.microBatch(context),
      sequences: api.sequences(context),
      draftStates: api.draftStates(context),
      lines,
    };
  },
  closeContext({ context }) {
    api.freeContext(known(contexts, context).context);
    contexts.delete(context);
    return {};
  },
  vocabulary({ model }) {
    const vocabulary = api.vocabulary(known(models, model));
    return { size: api.vocabularySize(vocabulary), addsBos: api.addsBos(vocabulary), addsEos: api.addsEos(vocabulary) };
  },
  tokenize({ model, text, addSpecial = true, parseSpecial = false }) {
    return { ids: tokensOf(api.vocabulary(known(models, model)), text, addSpecial, parseSpecial) };
  },
  /** As `tokenize`, for many texts. */
  tokenizeAll({ model, texts, addSpecial = true, parseSpecial = false }) {
    const vocabulary = api.vocabulary(known(models, model));
    return { ids: texts.map((/** @type {string} */ text) => tokensOf(vocabulary, text, addSpecial, parseSpecial)) };
  },
  /** Text of single tokens, as the library writes them. */
  pieces({ model, ids, special = true }) {
    const vocabulary = api.vocabulary(known(models, model));
    return {
      pieces: ids.map((/** @type {number} */ id) => {
        const text = new Uint8Array(512);
        const length = api.piece(vocabulary, id, text, text.length, 0, special);
        if (length < 0) throw new Error(`llama_token_to_piece: ${length}`);
        return Buffer.from(text.subarray(0, length)).toString('base64');
      }),
    };
  },
  /** Runs tokens behind those that the context holds; logits of all of them, or of the last, as float32 in base64. */
  decode({ context, tokens, outputs = 'last' }) {
    const rows = decode(known(contexts, context), tokens, outputs);
    return { logits: rows.map((row) => Buffer.from(row.buffer).toString('base64')) };
  },
  encode({ context, tokens }) {
    const status = api.encode(known(contexts, context).context, batchOf(tokens, 'all'));
    if (status !== 0) throw new Error(`llama_encode: ${status}`);
    return {};
  },
  /** The likeliest token, so many times; the first of equals. */
  greedy({ context, tokens, count }) {
    const opened = known(contexts, context);
    /** @type {number[]} */
    const made = [];
    let next = tokens;
    while (made.length < count) {
      const [row = new Float32Array()] = decode(opened, next, 'last');
      let best = 0;
      for (let i = 1; i < row.length; i++)
        if (/** @type {number} */ (row[i]) > /** @type {number} */ (row[best])) best = i;
      made.push(best);
      next = [best];
    }
    return { tokens: made };
  },
  /** Numbers (float32 in base64) as blocks of a type, by its number in ggml; without weights on what matters, as a cache is written. */
  quantise({ type, values }) {
    const from = new Float32Array(Uint8Array.from(Buffer.from(values, 'base64')).buffer);
    const to = new Uint8Array(Number(rowSize(type, from.length)));
    quantiseInit(type);
    quantiseChunk(type, from, to, 0, 1, from.length, null);
    return { bytes: Buffer.from(to).toString('base64') };
  },
  clear({ context }) {
    api.clear(api.memory(known(contexts, context).context), true);
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...request } = JSON.parse(line);
  lines = '';
  let answer;
  try {
    const handler = HANDLERS[name];
    if (!handler) throw new Error(`no request ${name}`);
    answer = { result: handler(request) };
  } catch (error) {
    answer = { error: `${error instanceof Error ? error.message : error}${lines === '' ? '' : `\n${lines}`}` };
  }
  process.stdout.write(jsonLine(answer));
}
process.exit(0);
