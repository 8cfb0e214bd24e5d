/** Every id that package.json and the code share, in one place. A test compares them with package.json. */

export const COMMANDS = {
  changeScenario: 'headlight.changeScenario',
  switchUnits: 'headlight.switchUnits',
  setEngineOptions: 'headlight.setEngineOptions',
  showLog: 'headlight.showLog',
  openPanel: 'headlight.openPanel',
  openPanelBeside: 'headlight.openPanelBeside',
  showComputeDevices: 'headlight.showComputeDevices',
  runAttentionLayer: 'headlight.runAttentionLayer',
  saveOnnx: 'headlight.saveAttentionLayerAsOnnx',
  installTensorflow: 'headlight.installTensorflowEngine',
  compareVariants: 'headlight.compareAttentionVariants',
  compareWith: 'headlight.compareWithAnotherConfig',
  exportComparison: 'headlight.exportComparison',
  showCacheAt: 'headlight.showKvCacheAt',
  fitToGpu: 'headlight.fitToGpu',
  willItFit: 'headlight.willItFit',
  convertAttention: 'headlight.convertAttention',
  measureConversion: 'headlight.measureConversion',
  tradeoff: 'headlight.tradeoff',
  tradeoffPage: 'headlight.tradeoffPage',
  measureDecode: 'headlight.measureDecode',
  explainNumber: 'headlight.explainThisNumber',
  showArchitecture: 'headlight.showArchitecture',
  drawDifference: 'headlight.drawDifference',
  showHeads: 'headlight.showHeads',
  stepByStep: 'headlight.stepByStep',
  openSamples: 'headlight.openSampleModels',
  openExample: 'headlight.openWorkedExample',
  copyResult: 'headlight.copyResult',
  exportResult: 'headlight.exportResult',
  openResultSource: 'headlight.openResultSource',
  estimateWeights: 'headlight.estimateWeights',
  findConfigs: 'headlight.findModelConfigs',
  sortConfigsByName: 'headlight.sortConfigsByName',
  sortConfigsByBytes: 'headlight.sortConfigsByBytes',
  compareSelected: 'headlight.compareSelectedConfigs',
  findLocalModels: 'headlight.findLocalModels',
  openFromHub: 'headlight.openModelFromHub',
  setHubToken: 'headlight.setHubToken',
} as const;

/** Commands of our own links and fixes: not in the palette, so not in package.json. */
export const INTERNAL_COMMANDS = {
  explainRule: '_headlight.explainRule',
  ignoreRule: '_headlight.ignoreRule',
  revealLine: '_headlight.revealLine',
} as const;

/** Those of the palette's bundle. */
export const PALETTE_COMMANDS = [
  COMMANDS.changeScenario,
  COMMANDS.setEngineOptions,
  COMMANDS.compareVariants,
  COMMANDS.compareWith,
  COMMANDS.exportComparison,
  COMMANDS.showCacheAt,
  COMMANDS.fitToGpu,
  COMMANDS.willItFit,
  COMMANDS.convertAttention,
  COMMANDS.explainNumber,
  COMMANDS.showArchitecture,
  COMMANDS.drawDifference,
  COMMANDS.showHeads,
  COMMANDS.stepByStep,
  COMMANDS.openSamples,
  COMMANDS.openExample,
  COMMANDS.copyResult,
  COMMANDS.exportResult,
  COMMANDS.openResultSource,
] as const;
export type PaletteCommand = (typeof PALETTE_COMMANDS)[number];

/** Those of the explorer's bundle. */
export const EXPLORER_COMMANDS = [
  COMMANDS.estimateWeights,
  COMMANDS.findConfigs,
  COMMANDS.sortConfigsByName,
  COMMANDS.sortConfigsByBytes,
  COMMANDS.compareSelected,
  COMMANDS.findLocalModels,
] as const;
export type ExplorerCommand = (typeof EXPLORER_COMMANDS)[number];

/** Tools for chat assistants. */
export const TOOLS = ['headlight_estimate', 'headlight_compare', 'headlight_lint'] as const;
export type ToolName = (typeof TOOLS)[number];

/** Its server of the Model Context Protocol, which VS Code starts. */
export const MCP_PROVIDER = 'headlight.mcp';

/** Context keys of `when` clauses. */
export const CONTEXTS = {
  /** The active editor (or the only one in sight) shows a model config. */
  hasConfig: 'headlight.hasConfig',
  /** What the view of configs found: `many` (not looked), `none`, `some`. */
  scan: 'headlight.scan',
  /** Set in the browser's own extension host, where nothing is computed. (`isWeb` also holds for a browser in front of a server.) */
  web: 'headlight.web',
  /** A hover of ours was shown in this window. */
  hovered: 'headlight.hovered',
} as const;

/** Pages of results. */
export const RESULT_SCHEME = 'headlight-result';
/** Read-only configs of models in the stores of this machine, Hugging Face's cache among them. */
export const MODEL_SCHEME = 'headlight-model';

/** Configs that stand in the metadata of GGUF files, as read-only documents. */
export const WEIGHT_CONFIG_SCHEME = 'headlight-gguf';

export const VIEWS = {
  container: 'headlight',
  /** The panel in the side bar. */
  panel: 'headlight.panel',
  /** Model configs of the workspace. */
  configs: 'headlight.configs',
  /** Type of the panel beside the editor. */
  editorPanel: 'headlight.editorPanel',
  /** Types of the editor of weight files: opened by itself, and offered for an index of shards. */
  weightEditor: 'headlight.weights',
  weightIndexEditor: 'headlight.weightIndex',
} as const;

export const SETTINGS = {
  section: 'headlight',
  hoverEnabled: 'hover.enabled',
  statusBarEnabled: 'statusBar.enabled',
  codeLensEnabled: 'codeLens.enabled',
  inlayHintsEnabled: 'inlayHints.enabled',
  languageStatusEnabled: 'languageStatus.enabled',
  completionEnabled: 'completion.enabled',
  pythonEnabled: 'python.enabled',
  lintEnabled: 'lint.enabled',
  lintIgnore: 'lint.ignore',
  batch: 'scenario.batch',
  tokens: 'scenario.tokens',
  kvDtype: 'scenario.kvDtype',
  weights: 'scenario.weights',
  engine: 'scenario.engine',
  engineOptions: 'scenario.engineOptions',
  gpu: 'scenario.gpu',
  tp: 'scenario.tensorParallel',
  families: 'families',
  units: 'units',
  computeEngine: 'compute.engine',
  allowSoftwareGpu: 'compute.allowSoftwareGpu',
  allowFloat16: 'compute.allowFloat16',
  memoryCeilingGib: 'compute.memoryCeilingGiB',
  tensorflowPath: 'compute.tensorflowPath',
  hubAsk: 'hub.ask',
  hubEndpoint: 'hub.endpoint',
} as const;
