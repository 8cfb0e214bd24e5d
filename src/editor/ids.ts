/** Every id that package.json and the code share, in one place. A test compares them with package.json. */

export const COMMANDS = {
  changeScenario: 'headlight.changeScenario',
  showLog: 'headlight.showLog',
  openPanel: 'headlight.openPanel',
  openPanelBeside: 'headlight.openPanelBeside',
  showComputeDevices: 'headlight.showComputeDevices',
  runAttentionLayer: 'headlight.runAttentionLayer',
  saveOnnx: 'headlight.saveAttentionLayerAsOnnx',
  installTensorflow: 'headlight.installTensorflowEngine',
} as const;

export const VIEWS = {
  container: 'headlight',
  /** The panel in the side bar. */
  panel: 'headlight.panel',
  /** Type of the panel beside the editor. */
  editorPanel: 'headlight.editorPanel',
} as const;

export const SETTINGS = {
  section: 'headlight',
  hoverEnabled: 'hover.enabled',
  statusBarEnabled: 'statusBar.enabled',
  batch: 'scenario.batch',
  tokens: 'scenario.tokens',
  kvDtype: 'scenario.kvDtype',
  engine: 'scenario.engine',
  gpu: 'scenario.gpu',
  tp: 'scenario.tensorParallel',
  families: 'families',
  computeEngine: 'compute.engine',
  allowSoftwareGpu: 'compute.allowSoftwareGpu',
  memoryCeilingGib: 'compute.memoryCeilingGiB',
  tensorflowPath: 'compute.tensorflowPath',
} as const;
