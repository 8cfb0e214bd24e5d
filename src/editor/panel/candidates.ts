/** Configs to compare with: open ones, those of the workspace, and the bundled presets. Looking for them is bounded. */

import { type CancellationToken, Uri, workspace } from 'vscode';
import { mayBeModelConfig } from '../../config/mayBe';
import type { Candidate } from '../../shared/panelContract';
import type { Readings } from '../readings';
import { nameOf, type Targets } from './targets';

const CONFIG_FILES = '**/{config,params}.json';
const NOT_THERE = '**/{node_modules,.git,.venv,venv,dist,build,__pycache__}/**';
const MAX_FILES = 64;
/** A larger file is no model config. Bytes. */
const MAX_BYTES = 1_000_000;

interface Preset {
  readonly file: string;
  readonly name: string;
  readonly detail: string;
}

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
    const found = await workspace.findFiles(CONFIG_FILES, NOT_THERE, MAX_FILES, token);
    const closed = found.filter(fresh).sort((a, b) => (a.path < b.path ? -1 : 1));
    const readable = await Promise.all(closed.map(looksLikeConfig));
    const presets = await this.presetList();
    return [
      ...open,
      ...closed.filter((_, at) => readable[at]).map((uri) => this.candidate(uri, 'workspace')),
      ...presets.map(
        ({ file, name, detail }): Candidate => ({
          id: this.targets.of(this.presetUri(file), name).id,
          name,
          detail,
          origin: 'preset',
        }),
      ),
    ];
  }

  private candidate(uri: Uri, origin: 'editor' | 'workspace'): Candidate {
    const { id, name } = this.targets.of(uri);
    return { id, name: name === '' ? nameOf(uri) : name, detail: workspace.asRelativePath(uri), origin };
  }

  private presetUri(file: string): Uri {
    return Uri.joinPath(this.extension, 'media', 'presets', file);
  }

  private presetList(): Promise<readonly Preset[]> {
    this.presets ??= (async () => {
      const bytes = await workspace.fs.readFile(this.presetUri('index.json'));
      return JSON.parse(new TextDecoder().decode(bytes)) as readonly Preset[];
    })();
    return this.presets;
  }
}

/** By a text search: reading it is the page's work. */
async function looksLikeConfig(uri: Uri): Promise<boolean> {
  try {
    if ((await workspace.fs.stat(uri)).size > MAX_BYTES) return false;
    return mayBeModelConfig(new TextDecoder().decode(await workspace.fs.readFile(uri)));
  } catch {
    return false;
  }
}
