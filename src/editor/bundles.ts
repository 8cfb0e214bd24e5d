/**
 * The parts that load when they are first needed, each a file of its own (esbuild.host.js), so that activation and the hover pay for
 * none of them. Modules that several parts need are in shared files, and those that the hover needs too in the core: no module is in
 * memory twice. In the browser all are inside the one bundle that a web extension may have.
 */

import type { createAdvice } from './advice/advice';
import type { createComputeHost } from './computeHost';
import type { createExplorer } from './explorer/explorer';
import type { ModelsPart } from './models/modelsPart';
import type { createPalette } from './palette/palette';
import type { createPanelHost } from './panel/panelHost';
import type { Platform, Services } from './services';
import type { createWeightEditors } from './weights/weightEditor';

export interface Bundles {
  /** Problems, fixes, completion. */
  readonly advice: { readonly createAdvice: typeof createAdvice };
  /** Commands that ask and answer in the editor: comparing, converting, exporting. */
  readonly palette: { readonly createPalette: typeof createPalette };
  /** Configs of the workspace, weight files, Python sources, tools for chat assistants. */
  readonly explorer: { readonly createExplorer: typeof createExplorer };
  readonly panel: { readonly createPanelHost: typeof createPanelHost };
  /** Models in the stores of this machine and on the Hub; the browser has one of its own. */
  readonly models: { readonly createModels: (services: Services) => ModelsPart };
  /** The editor of safetensors and GGUF files. */
  readonly weightEditor: { readonly createWeightEditors: typeof createWeightEditors };
  /** Not in the browser. */
  readonly computeHost: { readonly createComputeHost: typeof createComputeHost };
}

export type LoadBundle = <K extends keyof Bundles>(name: K) => Promise<Bundles[K]>;
/** A platform with its parts; the entries say it. */
export interface LoadingPlatform extends Platform {
  readonly load: LoadBundle;
}

/** How each is loaded; the entry of a platform says it. */
export type Parts = { readonly [K in keyof Bundles]: () => Promise<Bundles[K]> };
