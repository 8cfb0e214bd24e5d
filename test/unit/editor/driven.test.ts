/** Everything that package.json puts into the editor is driven by a test in the real VS Code: a table, kept in step with both. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly group?: string }[]>>;
    readonly configuration: readonly { readonly properties: Readonly<Record<string, object>> }[];
    readonly viewsWelcome: readonly { readonly contents: string }[];
    readonly languageModelTools: readonly { readonly name: string }[];
    readonly walkthroughs: readonly { readonly steps: readonly { readonly id: string }[] }[];
  };
}

/** File, title of the test, and the words by which the test drives it. */
type Driven = readonly [file: string, title: string, words: string];

const [HOME, SURFACES, WEB, RELOAD] = [
  'test/e2e/home.e2e.ts',
  'test/e2e/surfaces.e2e.ts',
  'test/e2e/web.e2e.ts',
  'test/e2e/reload.e2e.ts',
];
const [ADVICE, COMPUTE, TOOLS, HOVER] = ['advice', 'compute', 'tools', 'hover'].map(
  (name) => `test/integration/${name}.test.ts`,
) as [string, string, string, string];
const PALETTE = 'test/integration/palette.test.ts';
const SIZING = 'test/e2e/sizing.e2e.ts';
const EXPLORER = 'test/integration/explorer.test.ts';
const PAGES = 'test/e2e/pages.e2e.ts';
const HUB = 'test/e2e/hub.e2e.ts';
const BUTTONS = 'is copied, exported and read as text by the buttons of its title bar';
const LECTURE = 'test/e2e/lecture.e2e.ts';
const ENGINE_OPTIONS = 'test/e2e/engineOptions.e2e.ts';

const COMMANDS: Readonly<Record<string, Driven>> = {
  openPanel: [WEB, 'the palette compares, and the panel opens', 'Headlight: Open Panel'],
  openPanelBeside: [
    HOME,
    'are not needed for the panel beside the editor: it has a button above the config',
    'Open Panel Beside the Editor',
  ],
  changeScenario: [HOME, 'change the scenario from the status bar, each value with its cost', 'Change Scenario'],
  switchUnits: [ADVICE, 'counts in GB and back by one command, as hover and status do', 'headlight.switchUnits'],
  setEngineOptions: [PALETTE, 'sets options of the engine, and says what is none', 'headlight.setEngineOptions'],
  runAttentionLayer: [HOME, 'run a layer', 'Headlight: Run Attention Layer'],
  saveAttentionLayerAsOnnx: [COMPUTE, 'a layer is written as ONNX', 'headlight.saveAttentionLayerAsOnnx'],
  showComputeDevices: [
    COMPUTE,
    'the devices are shown, each with its proof or the reason why not',
    'headlight.showComputeDevices',
  ],
  installTensorflowEngine: [
    HOME,
    'show what an installation would run, and do nothing without a yes',
    'Headlight: Install TensorFlow GPU Engine',
  ],
  showLog: [HOME, 'show the log', 'Headlight: Show Log'],
  copyResult: [PAGES, BUTTONS, 'Copy Result as Markdown'],
  exportResult: [PAGES, BUTTONS, 'Export Result…'],
  openResultSource: [PAGES, BUTTONS, "Open Result's Source"],
  compareAttentionVariants: [
    SURFACES,
    'designs are chosen with their numbers in sight, back leads back, and the result is a Markdown document',
    'Headlight: Compare Attention Variants',
  ],
  compareWithAnotherConfig: [
    HOME,
    'offer earlier revisions of the same file',
    'Headlight: Compare with Another Config',
  ],
  showKvCacheAt: [SURFACES, 'a number that is typed is a choice', 'Headlight: Show KV Cache at'],
  fitToGpu: [SURFACES, 'devices are chosen with what fits in sight', 'Headlight: Fit This Config to a GPU'],
  willItFit: [SIZING, 'Llama-3.1-405B in fp8 on eight H100, in one line', 'Headlight: Will It Fit'],
  showArchitecture: [SURFACES, '%s opens it there', 'Headlight: Show Architecture'],
  drawDifference: [PALETTE, 'draws a config beside another one', "'drawDifference'"],
  showHeads: [SURFACES, '%s opens it there', 'Headlight: Show Heads'],
  stepByStep: [SURFACES, '%s opens it there', 'Headlight: Step Through KV Cache and MLA'],
  convertAttention: [HOME, 'convert the config, in one step to undo', 'Headlight: Convert Attention'],
  measureConversion: [
    HOME,
    'measure what a conversion would lose, before the config is changed',
    'Headlight: Measure What a Conversion Loses',
  ],
  tradeoff: [
    'test/e2e/tradeoff.e2e.ts',
    'is measured from the palette, stops with what was found, and goes on',
    'Headlight: What Would I Lose? Measure',
  ],
  tradeoffPage: [
    COMPUTE,
    'what a whole model would lose is a page, with a table for other programs',
    'headlight.tradeoffPage',
  ],
  measureDecode: [
    LECTURE,
    '§4: MLA decodes faster than MHA, measured on this machine',
    'Headlight: Measure Decode on This Machine',
  ],
  explainThisNumber: [HOME, 'explain the number at the cursor', 'Headlight: Explain This Number'],
  exportComparison: [PALETTE, 'exports a comparison as Markdown, CSV and JSON', "'exportComparison'"],
  openWorkedExample: [
    LECTURE,
    '§2: GPT-3 at 1,024 tokens is 4.5 GiB, 384 MiB in 8 groups, 48 MiB as MQA',
    'Headlight: Open a Worked Example',
  ],
  openSampleModels: [HOME, 'open a sample model', 'Headlight: Open Sample Models'],
  estimateWeights: [EXPLORER, 'a GGUF header, too, with a hostile name escaped', 'estimate('],
  findModelConfigs: [EXPLORER, 'finds the model configs of the workspace, and nothing else', 'find()'],
  sortConfigsByName: [EXPLORER, 'sorts by name and by bytes', 'headlight.sortConfigsByName'],
  sortConfigsByBytes: [EXPLORER, 'sorts by name and by bytes', 'headlight.sortConfigsByBytes'],
  compareSelectedConfigs: [HOME, 'compares what is selected, from the context menu', 'Compare Selected'],
  findLocalModels: [HUB, 'what other programs keep here is listed on request, and opens', 'Look for Models'],
  openModelFromHub: [HUB, 'a name, one question, and its config; the next time at once', 'Open Model from the Hub'],
  setHubToken: [WEB, 'a gated model opens with the token that is typed', 'Headlight: Set Hub Token'],
};

/** "menu command" (and the place in it, where there are two). The palette's own is what COMMANDS drive. */
const MENUS: Readonly<Record<string, Driven>> = {
  'editor/title openPanelBeside': COMMANDS['openPanelBeside'] ?? ['', '', ''],
  'editor/title copyResult': COMMANDS['copyResult'] ?? ['', '', ''],
  'editor/title exportResult': COMMANDS['exportResult'] ?? ['', '', ''],
  'editor/title openResultSource': COMMANDS['openResultSource'] ?? ['', '', ''],
  'explorer/context estimateWeights': [
    HOME,
    'has Headlight: Describe Weight File in the context menu of weight files, and not of others',
    'Headlight: Describe Weight File',
  ],
  'explorer/context willItFit': [PALETTE, 'asks about a weight file', "'willItFit'"],
  'view/title findModelConfigs': [HOME, 'is sorted from its menu, and looks again at its button', 'Find Model Configs'],
  'view/title sortConfigsByName': [HOME, 'is sorted from its menu, and looks again at its button', 'Sort by Name'],
  'view/title sortConfigsByBytes': [
    HOME,
    'is sorted from its menu, and looks again at its button',
    'Sort by Cache Size',
  ],
  'view/title findLocalModels': [
    HUB,
    'what other programs keep here is listed on request, and opens',
    'Look for Models',
  ],
  'view/title openModelFromHub': [
    HUB,
    'a name, one question, and its config; the next time at once',
    'Open Model from the Hub',
  ],
  'view/item/context compareSelectedConfigs inline': [
    HOME,
    'compares one with what is asked for, at its own button',
    'Compare Selected',
  ],
  'view/item/context compareSelectedConfigs 1_compare': [
    HOME,
    'compares what is selected, from the context menu',
    'Compare Selected',
  ],
};

const WELCOMES: Readonly<Record<string, Driven>> = {
  'welcome.configs.noFolder': [HOME, 'without a folder offers to open one, or the samples', 'Open Sample Models'],
  'welcome.configs.none': [
    HOME,
    'in a folder without configs says so, looks again, and follows what comes',
    'Look Again',
  ],
  'welcome.configs.elsewhere': [
    HOME,
    'in a folder without configs says so, looks again, and follows what comes',
    'Look for Models on This Machine',
  ],
  'welcome.configs.many': [HOME, 'in a folder with many looks only when it is asked to', 'Find Model Configs'],
};

const TOOL_TESTS: Readonly<Record<string, Driven>> = {
  headlight_estimate: [TOOLS, 'estimate answers with our numbers', 'headlight_estimate'],
  headlight_compare: [TOOLS, 'compare answers for designs and for models', 'headlight_compare'],
  headlight_lint: [TOOLS, 'lint answers with lines and fixes', 'headlight_lint'],
};

/** What can be switched off is switched off. */
const SWITCHES: Readonly<Record<string, Driven>> = {
  'hover.enabled': [HOVER, 'can be switched off', 'hover.enabled'],
  'statusBar.enabled': [HOME, 'change the scenario from the status bar, each value with its cost', 'statusBar.enabled'],
  'codeLens.enabled': [ADVICE, 'follows the scenario, and can be switched off', 'codeLens.enabled'],
  'inlayHints.enabled': [ADVICE, 'can be switched off', 'inlayHints.enabled'],
  'languageStatus.enabled': [
    ADVICE,
    'says family and exactness, warns of a guess, and goes with the file',
    'languageStatus.enabled',
  ],
  'completion.enabled': [ADVICE, 'is silent in other JSON, and can be switched off', 'completion.enabled'],
  'python.enabled': [ADVICE, 'hovers on arguments of configuration classes', 'python.enabled'],
  'lint.enabled': [ADVICE, 'what published models do as well is a hint, and all can be switched off', 'lint.enabled'],
};

/** What has no name in package.json. */
const SURFACES_OF_THE_CODE: Readonly<Record<string, Driven>> = {
  'the step of the walkthrough': [HOME, 'has steps that complete themselves', 'aria-checked'],
  'an export as a picture': [HOME, 'is exported through the panel, which has the fonts', 'PNG'],
  'the quick fix Apply': [ADVICE, 'Apply mends one, in the layout of the file', 'applyEdit'],
  'the quick fix Explain': [ADVICE, 'Explain opens the page of the rule', 'What does "heads-not-divisible" mean?'],
  'the quick fix Ignore': [HOME, 'are silenced where they stand', 'Ignore heads-not-divisible in this file'],
  refactorings: [
    ADVICE,
    'make it GQA with other groups, MQA or MHA, and say what that costs',
    'Make it GQA with 4 groups',
  ],
  'completion of keys': [ADVICE, 'offers the keys of the family, once, and types the value', 'num_key_value_heads'],
  'completion of values': [ADVICE, 'offers divisors with what each costs, each once', 'groups of 8'],
  'the schema': [
    ADVICE,
    'the schema describes keys of a model config, and nothing of another config.json',
    'shared by a group of query heads',
  ],
  'lens and hint of a diff': [ADVICE, 'in a diff lens and hint show the change', 'This diff: '],
  'the hover of a diff': [PALETTE, 'the hover tells what a change does', 'This change'],
  'the file beside a config': [
    ADVICE,
    'says the format of the cache: in lens, hover, view and tools, and as soon as it comes, changes and goes',
    'modelopt',
  ],
  'options of an engine in the panel': [
    ENGINE_OPTIONS,
    'are set by keyboard in What-if: the number follows, survives a reload, and becomes a setting',
    'Apply scenario',
  ],
  'the release of an engine': [
    ENGINE_OPTIONS,
    'a release is chosen in the palette wherever an engine is',
    'Headlight: Change Scenario',
  ],
  'options of an engine in settings.json': [
    ADVICE,
    'completes an engine and the options by its own names, and underlines what is none',
    'headlight.scenario.engineOptions',
  ],
  'the panel after a reload': [RELOAD, 'of the window shows the config beside it', 'reload'],
};

const manifest = JSON.parse(read('package.json')) as Manifest;
const { commands, menus, viewsWelcome, languageModelTools, walkthroughs, configuration } = manifest.contributes;
const short = (command: string): string => command.replace('headlight.', '');

/** The text from a test's title to where the next test begins; null where there is none. */
function bodyOf(source: string, title: string, words: string): string | null {
  for (let from = source.indexOf(title); from >= 0; from = source.indexOf(title, from + 1)) {
    const next = source.slice(from).search(/\n\s*(?:test|it)(?:\.each|\()/);
    // A table of cases stands before its title.
    const start = Math.max(source.lastIndexOf('test.each', from), source.lastIndexOf('test(', from));
    const body = source.slice(start < 0 ? from : start, next < 0 ? undefined : from + next);
    if (body.includes(words)) return body;
  }
  return null;
}

function check(table: Readonly<Record<string, Driven>>): void {
  for (const [name, [file, title, words]] of Object.entries(table))
    expect(bodyOf(read(file), title, words), `${name}: no test "${title}" with "${words}" in ${file}`).not.toBeNull();
}

describe('driven in the real VS Code is', () => {
  it('every command', () => {
    expect(Object.keys(COMMANDS).sort()).toEqual(commands.map(({ command }) => short(command)).sort());
    check(COMMANDS);
  });

  it('every entry of a menu', () => {
    const entries = Object.entries(menus).flatMap(([menu, items]) =>
      menu === 'commandPalette'
        ? []
        : items.map(
            ({ command, group }) => `${menu} ${short(command)}${menu === 'view/item/context' ? ` ${group}` : ''}`,
          ),
    );
    expect(Object.keys(MENUS).sort()).toEqual(entries.sort());
    check(MENUS);
  });

  it('every welcome, chat tool, step of the walkthrough and off switch, and what has no name there', () => {
    expect(Object.keys(WELCOMES).sort()).toEqual(
      viewsWelcome.map(({ contents }) => contents.replaceAll('%', '')).sort(),
    );
    expect(Object.keys(TOOL_TESTS).sort()).toEqual(languageModelTools.map(({ name }) => name).sort());
    const switches = configuration
      .flatMap(({ properties }) => Object.keys(properties))
      .map(short)
      .filter((key) => key.endsWith('.enabled'));
    expect(Object.keys(SWITCHES).sort()).toEqual(switches.sort());
    for (const table of [WELCOMES, TOOL_TESTS, SWITCHES, SURFACES_OF_THE_CODE]) check(table);
    const body = bodyOf(read(HOME), 'has steps that complete themselves', 'aria-checked') ?? '';
    for (const { id } of walkthroughs.flatMap(({ steps }) => steps)) expect(body).toContain(`'${id}'`);
  });
});
