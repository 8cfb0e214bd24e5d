import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, othersSince, sample, write, pageText } from './support';

interface Report {
  readonly formulaBytes: number;
  readonly run: { readonly cacheBytes: number; readonly provenance: { readonly engine: string } };
}

interface Losses {
  readonly seeded: object | null;
  readonly conversions: readonly {
    readonly cachedPerToken: number;
    readonly outputRelativeError: number;
    readonly refused?: string;
  }[];
}

interface Api {
  hover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | null;
  computePid(): number | undefined;
}

const TINY = JSON.stringify({
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  vocab_size: 32,
});

const run = (path: string, request: object): Thenable<Report | null> =>
  vscode.commands.executeCommand('headlight.runAttentionLayer', sample(path), request);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Share of the processors that programs other than this host may take before a clock says nothing about us. */
const BUSY = 0.25;

interface Watch {
  /** 95th percentile by the wall clock, ms. */
  readonly clock: number;
  /** The same of what this process worked, ms. */
  readonly work: number;
  /** Share of all processors that other processes took meanwhile. */
  readonly others: number;
}

/** Does the same thing again and again, as a person would: with pauses. */
async function watched(task: () => void, rounds: number): Promise<Watch> {
  const at95 = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;
  const [clock, work]: [number[], number[]] = [[], []];
  const others = othersSince();
  for (let round = 0; round < rounds; round++) {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    task();
    const { user, system } = process.cpuUsage(cpu);
    const took = performance.now() - began;
    clock.push(took);
    work.push(Math.min(took, (user + system) / 1000));
    await pause(10);
  }
  return { clock: at95(clock), work: at95(work), others: others() };
}

suite('compute', function () {
  this.timeout(120_000);

  test('a command runs a real layer, and its cache is what the formula says', async () => {
    const report = await run('qwen3-8b/config.json', { layer: 0, tokens: 16, steps: 2 });
    assert.ok(report);
    // 8 KV heads of 128, K and V, float32, 18 tokens.
    assert.equal(report.run.cacheBytes, 2 * 8 * 128 * 4 * 18);
    assert.equal(report.formulaBytes, report.run.cacheBytes);
    const shown = await pageText();
    assert.match(shown, /They are equal/);
    console.log(`ran on ${report.run.provenance.engine}`);
  });

  test('a conversion is measured on trained weights, beside designs that cache as much', async () => {
    const uri = vscode.Uri.joinPath(headlight().extensionUri, 'media', 'samples', 'mha', 'config.json');
    const prompt = 'the red fox sleeps in the park and the old dog sees it; the red fox sees the dog';
    const found = await vscode.commands.executeCommand<Losses | null>('headlight.measureConversion', uri, {
      layer: 1,
      prompt,
    });
    assert.ok(found);
    assert.equal(found.seeded, null);
    assert.deepEqual(
      found.conversions.filter(({ refused }) => refused !== undefined),
      [],
    );
    // 8 KV heads of 16 + 16 numbers: groups of 2, 4 and 8, each beside latents of the same size.
    assert.deepEqual([...new Set(found.conversions.map(({ cachedPerToken }) => cachedPerToken))], [128, 64, 32]);
    for (const { outputRelativeError } of found.conversions)
      assert.ok(outputRelativeError >= 0 && outputRelativeError < 2);
    const shown = await pageText();
    assert.match(shown, /# What layer 1 of mha loses with another design/);
    assert.match(shown, /Weights: those next to the config\./);
    assert.match(shown, /\| GQA-4 +\| mean-pool +\| +128 \| +÷ 2 \|/);
  });

  test('without weights beside a config a sample’s are measured, and the page says whose they are', async () => {
    const found = await vscode.commands.executeCommand<Losses | null>(
      'headlight.measureConversion',
      sample('llama-3-8b/config.json'),
      { weights: 'sample', layer: 3, prompt: 'The American flag is red, white, and blue.' },
    );
    assert.equal(found?.seeded, null);
    assert.equal(found.conversions[0]?.cachedPerToken, 128);
    const shown = await pageText();
    assert.match(shown, /# What layer 3 of MHA sample model loses with another design/);
    assert.match(shown, /because none were found next to llama-3-8b/);
    // The picture is for the rendered page; what is copied is text.
    assert.match(shown, /<figure[^>]*><svg /);
    await vscode.commands.executeCommand('headlight.copyResult');
    const copied = await vscode.env.clipboard.readText();
    assert.match(copied, /\| MQA +\| mean-pool/);
    assert.match(copied, /\| GQA-2 +\| +64 \| +÷ 4 \|/);
    assert.doesNotMatch(copied, /<svg/);
  });

  test('what a whole model would lose is a page, with a table for other programs', async () => {
    const uri = vscode.Uri.joinPath(headlight().extensionUri, 'media', 'samples', 'gqa', 'config.json');
    // Few tokens: the numbers are tested elsewhere.
    assert.equal(await vscode.commands.executeCommand('headlight.tradeoffPage', uri, { tokens: 24 }), true);
    const shown = await pageText();
    assert.match(shown, /# What gqa would lose with a smaller cache/);
    assert.match(shown, /the bundled text, the first 24 of its \d+ tokens, in float64/);
    assert.match(shown, /<figure[^>]*><svg /);
    assert.match(shown, /\| q8\\?_0 +\| +\d+ \|/);
    assert.doesNotMatch(shown, /not measured yet|random/);
    await vscode.commands.executeCommand('headlight.copyResult');
    assert.doesNotMatch(await vscode.env.clipboard.readText(), /<svg/);
  });

  test('a conversion of a layer that is latent already, or is not there, is refused in words', async () => {
    const samples = vscode.Uri.joinPath(headlight().extensionUri, 'media', 'samples');
    for (const [name, layer] of [
      ['mla', 0],
      ['mha', 99],
    ] as const) {
      const refused = await vscode.commands.executeCommand(
        'headlight.measureConversion',
        vscode.Uri.joinPath(samples, name, 'config.json'),
        { layer, prompt: 'the red fox' },
      );
      assert.equal(refused, null);
    }
  });

  test('decode is measured at the widths of a config, as a page with what a roofline expects', async () => {
    const uri = await write('tiny/config.json', TINY);
    const found = await vscode.commands.executeCommand<{ designs: { label: string; timing: object | null }[] } | null>(
      'headlight.measureDecode',
      uri,
      { thorough: false },
    );
    assert.deepEqual(
      found?.designs.map(({ label, timing }) => [label, timing !== null]),
      ['MHA', 'GQA-2', 'MQA', 'MLA 32 + 4', 'MLA 32 + 4'].map((label) => [label, true]),
    );
    const shown = await pageText();
    assert.match(shown, /# Decode on this machine, at the widths of tiny/);
    assert.match(shown, /With 4,096 cached tokens, one step takes [\d.]+ .?s with MHA and [\d.]+ .?s with MLA/);
    assert.match(shown, /\| +1,024 \| +[\d.]+ .?s \| +[\d.]+ .?s \|/);
  });

  test('a compute process that ends while decode is measured ends the run in words, and the next run works', async () => {
    const uri = await write('tiny/config.json', TINY);
    const api = headlight().exports as Api;
    const measured = vscode.commands.executeCommand('headlight.measureDecode', uri, { thorough: false });
    await pause(1500);
    const pid = api.computePid();
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    assert.equal(await measured, null);
    assert.ok(await vscode.commands.executeCommand('headlight.measureDecode', uri, { thorough: false }));
    assert.notEqual(api.computePid(), pid);
  });

  test('under the rule of transformers a sliding layer keeps one token less than its window', async () => {
    const request = { layer: 0, tokens: 16, steps: 2 };
    const uri = await write(
      'sliding/config.json',
      JSON.stringify({
        model_type: 'mistral',
        hidden_size: 64,
        num_hidden_layers: 1,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 16,
        sliding_window: 8,
      }),
    );
    const reports: (Report | null)[] = [];
    for (const rule of ['intrinsic', 'transformers'])
      reports.push(await vscode.commands.executeCommand('headlight.runAttentionLayer', uri, { ...request, rule }));
    const token = 2 * 2 * 16 * 4;
    assert.deepEqual(
      reports.map((report) => [report?.run.cacheBytes, report?.formulaBytes]),
      [
        [8 * token, 8 * token],
        [7 * token, 7 * token],
      ],
    );
    assert.match(await pageText(), /as transformers keeps it/);
  });

  test('a hover answers in under 10 ms while a long run goes on; killing the process is an event, not a disaster', async () => {
    const api = (await headlight().activate()) as Api;
    const document = await vscode.workspace.openTextDocument(sample('llama-3-8b/config.json'));
    const position = document.positionAt(document.getText().indexOf('num_key_value_heads') + 2);
    const ask = (): void => assert.ok(api.hover(document, position));
    const before = await watched(ask, 50);
    const long = run('llama-3-8b/config.json', { layer: 0, tokens: 2048, steps: 8 });
    while (api.computePid() === undefined) await pause(5);
    const during = await watched(ask, 100);
    const pid = api.computePid();
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    assert.equal(await long, null);
    const started = performance.now();
    const next = await run('gpt2/config.json', { layer: 0, tokens: 4, steps: 1 });
    console.log(`after the kill the next run took ${(performance.now() - started).toFixed(0)} ms`);
    assert.equal(next?.run.cacheBytes, 2 * 12 * 64 * 4 * 5);
    const after = await watched(ask, 20);
    const load = Math.max(before.others, after.others);
    console.log(
      `hover in the extension host, p95 by the clock (at work): ${during.clock.toFixed(2)} (${during.work.toFixed(2)}) ms during a run, ` +
        `${before.clock.toFixed(2)} (${before.work.toFixed(2)}) ms without one; others took ${(100 * load).toFixed(0)} % of the machine`,
    );
    assert.ok(during.work < 10, `p95 ${during.work} ms at work`);
    // The clock is what a person feels. Where other programs take the machine it measures them: only then it may be more.
    if (during.clock >= 10)
      assert.ok(load > BUSY, `p95 ${during.clock} ms by the clock, and the machine was quiet (others took ${load})`);
  });

  test('what runs it, and how much it may take, are settings', async () => {
    const settings = vscode.workspace.getConfiguration('headlight');
    const set = (key: string, value: unknown): Thenable<void> =>
      settings.update(key, value, vscode.ConfigurationTarget.Global);
    const engineOf = async (): Promise<string | undefined> =>
      (await run('gpt2/config.json', { layer: 0, tokens: 4, steps: 1 }))?.run.provenance.engine;
    try {
      await set('compute.engine', 'onnxruntime-wasm');
      assert.equal(await engineOf(), 'onnxruntime-wasm');
      await set('compute.engine', 'onnxruntime-cpu');
      assert.equal(await engineOf(), 'onnxruntime-cpu');
      await set('compute.memoryCeilingGiB', 0.25);
      // Scores of 12 heads × 8,192² alone are 3 GiB.
      assert.equal(await run('gpt2/config.json', { layer: 0, tokens: 8192, steps: 1 }), null);
    } finally {
      await set('compute.engine', undefined);
      await set('compute.memoryCeilingGiB', undefined);
    }
  });

  test('the devices are shown, each with its proof or the reason why not', async () => {
    const reports =
      await vscode.commands.executeCommand<
        { engine: string; available: boolean; reason: string | null; proof: object | null }[]
      >('headlight.showComputeDevices');
    assert.ok(reports.find(({ engine }) => engine === 'onnxruntime-cpu')?.proof);
    for (const { engine, available, reason } of reports) assert.ok(available || reason, engine);
    const shown = await pageText();
    assert.match(shown, /^# Compute devices\n\nUsed: \*\*/);
    for (const { engine } of reports) assert.ok(shown.includes(`\`${engine}\``), engine);
  });

  test('a layer is written as ONNX', async () => {
    const target = sample('gpt2/layer.onnx');
    const written = await vscode.commands.executeCommand(
      'headlight.saveAttentionLayerAsOnnx',
      sample('gpt2/config.json'),
      { layer: 0, target },
    );
    assert.ok(written);
    const bytes = await vscode.workspace.fs.readFile(target);
    assert.ok(bytes.length > 4 * 768 * 768 * 4, `${bytes.length} bytes`);
  });
});
