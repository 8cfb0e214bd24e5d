/** What the editor asks of a text, provider by provider, and what must hold of the answers. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CachePlan, planCache } from '../../src/cache/plan';
import { ConfigDocument, type JsonValue } from '../../src/config/document';
import { placeAt } from '../../src/config/placeAt';
import { textEdits } from '../../src/config/textEdits';
import { lintReading } from '../../src/lint/lint';
import { divisorsOf } from '../../src/model/divisors';
import { type EngineRule, ENGINES, type Scenario, UNSHARDED } from '../../src/model/scenario';
import { keyDetail, valueDetail } from '../../src/present/completionText';
import { familyStatus } from '../../src/present/familyText';
import { hintsOf } from '../../src/present/hintText';
import { hoverOf } from '../../src/present/hover';
import { lensDesignText, lensScenarioText, statusText } from '../../src/present/lensText';
import { planText } from '../../src/present/planText';
import { contextText, designText } from '../../src/present/words';
import { findPythonModels, readPythonModel, toJson, toSource } from '../../src/python/python';
import { convertHeads, convertibleHeads } from '../../src/reading/convertHeads';
import { follow, type FollowedReading } from '../../src/reading/follow';
import { keyOffers, valueOffers } from '../../src/reading/offers';
import { type Reading, readModelConfig } from '../../src/reading/read';
import { fitModel } from '../../src/serving/fit';
import { deviceOf } from '../../src/serving/hardware';
import { openGguf } from '../../src/weights/gguf';
import { ggufConfig } from '../../src/weights/ggufConfig';
import { openSafetensors } from '../../src/weights/safetensors';
import { WeightsError } from '../../src/weights/weightsError';
import { UNSEEN } from '../unit/support/hostile';
import type { Input, Random } from './inputs';
import type { Watch } from './watch';

const DEVICE = 'h100-sxm';
/** Far more than any model has: two layers each of its own are read of the most. */
const MOST_LAYERS = 2 * 4096;
/** A hover that is longer is no answer. */
const MOST_HOVER = 8_000;
/** Offsets and problems that are looked at in one text. */
const PLACES = 3;

const whole: JsonValue = { num_hidden_layers: 2 };
/** What is beside every second config of this suite. */
const QUANT_CONFIG = ConfigDocument.parse('{"quantization":{"quant_algo":"FP8","kv_cache_quant_algo":"FP8"}}');
/** What the reading was before the edit that made the text. */
const GOOD_TEXT =
  '{"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":2}';

export class Providers {
  private readonly folder = mkdtempSync(join(tmpdir(), 'headlight-robust-'));
  private readonly lastGood = readModelConfig(GOOD_TEXT);

  constructor(
    private readonly watch: Watch,
    private readonly random: Random,
  ) {}

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async askAll(input: Input): Promise<void> {
    const { watch } = this;
    watch.begin(input.kind, 'text' in input ? input.text : Buffer.from(input.bytes).toString('latin1'));
    switch (input.as) {
      case 'config':
      case 'params':
        return this.config(input.text);
      case 'python':
        return this.python(input.text);
      case 'quant':
        return this.quant(input.text);
      default:
        return this.weights(input.as, input.bytes);
    }
  }

  private config(text: string): void {
    const { watch } = this;
    // The edit that made the text, in a document that was whole before; then the text as it is opened.
    const after = this.random(2) === 0 ? this.lastGood : null;
    const options = this.random(2) === 0 ? {} : { quantFile: QUANT_CONFIG };
    const edited = after && watch.ask('read after an edit', () => follow(text, after, options))?.result;
    if (edited?.stale) this.surfaces(edited, text);
    const opened = watch.ask('read', () => follow(text, null, options))?.result;
    if (opened) {
      watch.count('read as configs');
      this.surfaces(opened, text);
    }
    this.edits(text);
  }

  /** What is shown of a reading, at some scenario of each engine. */
  private surfaces({ reading, document, stale }: FollowedReading, text: string): void {
    const { watch } = this;
    this.reading(reading);
    // Half-typed texts keep the squiggles of before.
    if (!stale) this.lint(reading, document);
    for (const engine of ENGINES) {
      const plan = watch.ask(`plan, ${engine}`, () => planCache(reading.spec, this.scenario(engine)));
      if (plan) this.plan(plan);
    }
    const plan = watch.ask('plan', () => planCache(reading.spec, this.scenario(ENGINES[this.random(ENGINES.length)])));
    if (!plan) return;
    this.texts('plan text', [watch.ask('plan text', () => planText(plan)) ?? '']);
    this.lens(reading, plan);
    watch.ask('refactorings', () => {
      const queryHeads = convertibleHeads(reading);
      // As many as the menu has at most.
      const choices = queryHeads === null ? [] : divisorsOf(queryHeads).slice(0, 4);
      for (const kvHeads of choices) convertHeads(reading, kvHeads);
    });
    const hints = watch.ask('hints', () => hintsOf(plan, reading)) ?? [];
    this.texts(
      'hints',
      hints.flatMap(({ text: short, detail }) => [short, detail]),
    );
    for (let place = 0; place < PLACES; place++) {
      this.hover(reading, document, stale, plan.scenario);
      this.completion(reading, document, text, plan.scenario);
    }
  }

  private reading(reading: Reading): void {
    const { spec, problems } = reading;
    if (spec.layers.length > MOST_LAYERS) this.watch.breach('nonsense', 'read', `${spec.layers.length} layers`);
    this.texts('read', [
      spec.variant,
      ...spec.notes.map((note) => note.text),
      ...problems.map(({ message }) => message),
    ]);
  }

  private lint(reading: Reading, document: ConfigDocument): void {
    const { watch } = this;
    const tp = [undefined, 3, 8][this.random(3)];
    const problems = watch.ask('lint', () => lintReading(reading, tp === undefined ? {} : { tp })) ?? [];
    watch.count('problems', problems.length);
    this.texts(
      'lint',
      problems.slice(0, 200).map(({ message }) => message),
    );
    const { length } = document.text;
    for (const { range, rule } of problems)
      if (range && (range.offset < 0 || range.length < 0 || range.offset + range.length > length))
        watch.breach('nonsense', 'lint', `${rule} at ${range.offset} + ${range.length} of ${length}`);
  }

  private scenario(engine: EngineRule = 'intrinsic'): Scenario {
    const { random } = this;
    const sharding = random(3) === 0 ? { ...UNSHARDED, tp: 1 + random(9), pp: 1 + random(4) } : UNSHARDED;
    return { workload: { batch: 1 + random(64), tokens: 1 + random(200_000) }, engine, kvDtype: 'auto', sharding };
  }

  /** Numbers are whole and not negative, or not known; what is called exact is. */
  private plan(plan: CachePlan): void {
    const { watch } = this;
    const sizes = Object.entries(plan.atLeast);
    const wrong = sizes.filter(([, bytes]) => !(Number.isFinite(bytes) && bytes >= 0));
    if (wrong.length > 0) watch.breach('nonsense', `plan, ${plan.engine.id}`, JSON.stringify(plan.atLeast));
    if (plan.known ? plan.totalBytes !== plan.atLeast.totalBytes : plan.totalBytes !== null)
      watch.breach('nonsense', `plan, ${plan.engine.id}`, `total ${String(plan.totalBytes)}`);
    if (!plan.exact && !plan.notes.some(({ inexact }) => inexact))
      watch.breach('nonsense', `plan, ${plan.engine.id}`, 'not exact without a reason');
    if (!plan.exact) return;
    watch.count('exact plans');
    const { spec } = plan;
    const bytes = plan.layers.flatMap(({ cacheBytes, stateBytes }) => [cacheBytes, stateBytes]);
    const sound =
      plan.known &&
      sizes.every(([, size]) => Number.isSafeInteger(size)) &&
      bytes.every((size) => size !== null && Number.isSafeInteger(size) && size >= 0) &&
      spec.unknownLayers === 0 &&
      spec.layers.length > 0;
    if (!sound) watch.breach('nonsense', `plan, ${plan.engine.id}`, `called exact: ${JSON.stringify(plan.atLeast)}`);
  }

  private lens(reading: Reading, plan: CachePlan): void {
    const { watch } = this;
    const device = deviceOf(DEVICE);
    if (!device) throw new Error(`there is no ${DEVICE}`);
    const report =
      reading.spec.layers.length > 0
        ? watch.ask('fit', () => fitModel({ reading, device, scenario: plan.scenario, weights: null }))
        : null;
    const read = report?.decode?.weightBytesRead;
    if (read !== undefined && !(read >= 0)) watch.breach('nonsense', 'fit', `${read} bytes of weights are read`);
    const fit = report
      ? {
          deviceName: report.device.name,
          devices: report.devices,
          weightsFit: report.high.cacheBudgetBytes > 0,
          sequences: report.low.concurrentSequences,
          atMost: report.high.concurrentSequences,
        }
      : null;
    const texts = watch.ask('lens', () => [
      lensDesignText(plan),
      designText(plan.spec),
      familyStatus(plan).text,
      familyStatus(plan).detail,
      lensScenarioText(plan, fit),
      contextText(plan),
      statusText(plan),
    ]);
    this.texts('lens', texts ?? []);
  }

  private hover(reading: Reading, document: ConfigDocument, stale: boolean, scenario: Scenario): void {
    const { watch } = this;
    const keys = document.root?.type === 'object' ? [...document.propertiesOf(document.root).values()] : [];
    const key = keys[this.random(Math.max(1, keys.length))];
    const at = key && this.random(3) > 0 ? key.keyNode.offset + 1 : this.random(document.text.length + 1);
    const content = watch.ask('hover', () => hoverOf(reading, document, at, scenario, stale));
    if (!content) return;
    watch.count('hovers');
    const { source } = content.markdown;
    this.texts('hover', [source]);
    if (source.length > MOST_HOVER) watch.breach('text', 'hover', `${source.length} characters`);
  }

  private completion(reading: Reading, document: ConfigDocument, text: string, scenario: Scenario): void {
    const offset = this.random(8) === 0 ? text.length : this.random(text.length + 1);
    const texts = this.watch.ask('completion', () => {
      const place = placeAt(document, offset);
      if (!place) return [];
      const { path, isAtPropertyKey } = place;
      if (isAtPropertyKey)
        return keyOffers(reading, path.slice(0, -1).map(String), document).map(
          ({ key, classDefault }) => `${key} ${keyDetail(key, classDefault)}`,
        );
      const names = path.filter((segment): segment is string => typeof segment === 'string');
      return valueOffers(reading, path).map((value) => valueDetail(reading, names, value, scenario));
    });
    this.watch.count('offers', texts?.length ?? 0);
    this.texts('completion', texts ?? []);
  }

  /** A key is set, a new one comes, one goes: the text then says just that. */
  private edits(text: string): void {
    const before = this.watch.ask('parse', () => ConfigDocument.parse(text));
    const { root } = before ?? {};
    if (!before || root?.type !== 'object') return;
    const keys = [...before.propertiesOf(root).keys()];
    const existing = keys[this.random(Math.max(1, keys.length))];
    const other = keys[this.random(Math.max(1, keys.length))];
    const wanted: [string, JsonValue | undefined][] = [['a key of nobody', whole]];
    if (existing !== undefined && existing !== 'a key of nobody') wanted.push([existing, 7]);
    if (other !== undefined && other !== existing && other !== 'a key of nobody') wanted.push([other, undefined]);
    const edits = this.watch.ask('edits', () =>
      textEdits(
        text,
        wanted.map(([key, value]) => ({ path: [key], value })),
      ),
    );
    if (!edits) return;
    this.watch.count('edits', edits.length);
    // Of a half-typed text, nobody can say what it should become.
    if (before.errors.length > 0) return;
    const after = ConfigDocument.parse(applied(text, edits));
    // What is at the bound of the sizes that are read is beyond it afterwards.
    if (!after.root && text.length > 100_000) return;
    const entries = after.root?.type === 'object' ? after.propertiesOf(after.root) : new Map<string, never>();
    for (const [key, value] of wanted) {
      const node = entries.get(key)?.valueNode;
      const is = node ? JSON.stringify(after.valueOf(node)) : undefined;
      if (is !== JSON.stringify(value)) this.watch.breach('edit', 'edits', `${key} is ${String(is)}`);
    }
    if (after.errors.length > 0) this.watch.breach('edit', 'edits', after.errors[0]?.message ?? '');
    const lost = keys.filter((key) => !entries.has(key) && !wanted.some(([other_]) => other_ === key));
    if (lost.length > 0) this.watch.breach('edit', 'edits', `lost ${lost.slice(0, 5).join(', ')}`);
  }

  private python(source: string): void {
    const { watch } = this;
    const models = watch.ask('Python, find', () => findPythonModels(source)) ?? [];
    watch.count('Python models', models.length);
    for (const model of models.slice(0, PLACES)) {
      const read = watch.ask('Python, read', () => readPythonModel(model));
      if (!read) continue;
      this.surfaces({ reading: read.reading, document: read.document, stale: false }, model.json);
      const offset = model.start + this.random(model.end - model.start + 1);
      watch.ask('Python, hover', () => {
        const at = toJson(model, offset);
        const content = at === null ? null : hoverOf(read.reading, read.document, at, this.scenario(), false);
        return content && toSource(model, content.range.offset, content.range.length);
      });
    }
  }

  /** Beside a config that is whole. */
  private quant(text: string): void {
    const quantFile = this.watch.ask('parse', () => ConfigDocument.parse(text));
    const found = quantFile && this.watch.ask('read', () => follow(GOOD_TEXT, null, { quantFile }))?.result;
    if (found) this.surfaces(found, GOOD_TEXT);
  }

  /** By the road of the compute process; what is refused is refused in words. */
  private async weights(as: 'safetensors' | 'gguf', bytes: Uint8Array): Promise<void> {
    const path = join(this.folder, `model.${as}`);
    writeFileSync(path, bytes);
    try {
      const store = await (as === 'gguf' ? openGguf(path) : openSafetensors(path));
      try {
        this.watch.count('weight files opened');
        for (const name of store.names().slice(0, 20))
          await store.read(name).catch((error: unknown) => this.clear(as, error));
        if ('metadata' in store) {
          const metadata = store.metadata as Parameters<typeof ggufConfig>[0];
          const text = this.watch.ask('GGUF as a config', () => {
            try {
              return JSON.stringify(ggufConfig(metadata));
            } catch (error) {
              this.clear(as, error);
              return null;
            }
          });
          if (text) this.config(text);
        }
      } finally {
        await store.close();
      }
    } catch (error) {
      this.watch.count('weight files refused');
      this.clear(as, error);
    }
  }

  private clear(as: string, error: unknown): void {
    if (!(error instanceof WeightsError)) {
      this.watch.breach('throw', as, error instanceof Error ? (error.stack ?? '') : String(error));
      return;
    }
    this.texts(as, [error.message]);
    if (error.message.length > 1_200) this.watch.breach('text', as, `${error.message.length} characters`);
  }

  /** Nothing that an editor or a terminal obeys, or does not show. */
  private texts(provider: string, texts: readonly string[]): void {
    for (const text of texts) {
      const found = UNSEEN.exec(text.replaceAll('\n', ''))?.[0];
      if (found !== undefined)
        this.watch.breach('text', provider, `U+${found.codePointAt(0)?.toString(16) ?? ''} in ${JSON.stringify(text)}`);
    }
  }
}

function applied(text: string, edits: ReturnType<typeof textEdits>): string {
  let [result, at] = ['', 0];
  for (const { offset, length, content } of edits) {
    result += text.slice(at, offset) + content;
    at = offset + length;
  }
  return result + text.slice(at);
}
