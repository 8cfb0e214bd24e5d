/** Configs to compare with: open ones, those of the workspace, and the bundled presets. Looking for them is bounded. */

import { type CancellationToken, type Uri, workspace } from 'vscode';
import { mayBeModelConfig } from '../../config/mayBe';
import type { Candidate } from '../../shared/panelContract';
import { configText, NOT_CONFIGS, type Preset, presets } from '../configFiles';
import { shownPath } from '../names';
import type { Readings } from '../readings';
import { nameOf, type Targets } from './targets';

const CONFIG_FILES = '**/{config,params}.json';
const MAX_FILES = 64;

export class Candidates {
  private presets: Promise<readonly Preset[]> | undefined;

  constructor(
    private readonly extension: Uri,
    private readonly targets: Targets,
    private readonly readings: Readings,
  ) {}

  /** Without the one that is followed. */
  async list(followed: Uri | null, token?: CancellationToken): Promise<readonly Candidate[]> {
    const seen = new Set(followed ? [followed.toString()] : []);
    const fresh = (uri: Uri): boolean => !seen.has(uri.toString()) && seen.add(uri.toString()).size > 0;
    const open = workspace.textDocuments
      .filter((document) => this.readings.of(document) && fresh(document.uri))
      .map(({ uri }) => this.candidate(uri, 'editor'));
    const found = await workspace.findFiles(CONFIG_FILES, NOT_CONFIGS, MAX_FILES, token);
    const closed = found.filter(fresh).sort((a, b) => (a.path < b.path ? -1 : 1));
    const readable = await Promise.all(closed.map(looksLikeConfig));
    const bundled = await this.bundled();
    return [
      ...open,
      ...closed.filter((_, at) => readable[at]).map((uri) => this.candidate(uri, 'workspace')),
      ...bundled.map(
        ({ uri, name, detail }): Candidate => ({
          id: this.targets.of(uri, name).id,
          name,
          detail,
          origin: 'preset',
        }),
      ),
    ];
  }

  /** What a file is called here: presets have names of their own. */
  async nameOf(uri: Uri): Promise<string> {
    const key = uri.toString();
    return (await this.bundled()).find((preset) => preset.uri.toString() === key)?.name ?? nameOf(uri);
  }

  private bundled(): Promise<readonly Preset[]> {
    return (this.presets ??= presets(this.extension));
  }

  private candidate(uri: Uri, origin: 'editor' | 'workspace'): Candidate {
    const { id, name } = this.targets.of(uri);
    return { id, name: name === '' ? nameOf(uri) : name, detail: shownPath(uri), origin };
  }
}

/** By a text search: reading it is the page's work. */
async function looksLikeConfig(uri: Uri): Promise<boolean> {
  const text = await configText(uri);
  return text !== null && mayBeModelConfig(text);
}
