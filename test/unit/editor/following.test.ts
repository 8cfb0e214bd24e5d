/**
 * What the panel follows is followed again after a reload of the window, in whatever order VS Code brings back documents, their language,
 * editors and the panel itself, and whether or not the config's document comes back at all.
 */

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Following } from '../../../src/editor/panel/following';
import type { FollowedMemory } from '../../../src/editor/panel/followedMemory';
import type { Targets } from '../../../src/editor/panel/targets';
import { hostCode } from '../support/bundles';

const requireHere = createRequire(import.meta.url);
const EXTENSION = 'file:///extensions/headlight-1';

class Uri {
  private constructor(private readonly text: string) {}
  static parse = (text: string): Uri => new Uri(text);
  static joinPath = (uri: Uri, ...parts: string[]): Uri => new Uri([uri.text, ...parts].join('/'));
  get scheme(): string {
    return this.text.slice(0, this.text.indexOf(':'));
  }
  get path(): string {
    return this.text.replace(/^\w+:(\/\/)?/, '');
  }
  toString(): string {
    return this.text;
  }
}

interface TextDocument {
  readonly uri: Uri;
  languageId: string;
  readonly version: number;
  getText(): string;
}

type Listener = (event: unknown) => void;

/** @param line Of its cursor, from 1. */
function editorOf(document: TextDocument, line: number): object {
  return { document, selection: { active: { line: line - 1 } } };
}

/** An editor: its documents, and what happens to them. */
class World {
  readonly documents: TextDocument[] = [];
  readonly waiting: (() => void)[] = [];
  visible: TextDocument[] = [];
  active: TextDocument | undefined;
  /** What was told, by all of its emitters. */
  readonly told: unknown[] = [];
  private readonly lines = new Map<string, number>();
  private readonly listeners = new Map<string, Listener[]>();

  constructor(private readonly files: ReadonlySet<string>) {}

  on(name: string): (listener: Listener) => { dispose(): void } {
    return (listener) => {
      this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
      return { dispose: () => undefined };
    };
  }

  private fire(name: string, event: unknown): void {
    for (const listener of this.listeners.get(name) ?? []) listener(event);
  }

  open(address: string, languageId = 'json'): TextDocument {
    const known = this.documents.find(({ uri }) => uri.toString() === address);
    if (known) return known;
    const document = { uri: Uri.parse(address), languageId, version: 1, getText: () => '{"model_type": "llama"}' };
    this.documents.push(document);
    this.fire('open', document);
    return document;
  }

  /** As VS Code does when a language becomes known: the document closes and opens. */
  learnLanguage(address: string): void {
    const document = this.open(address);
    this.fire('close', document);
    document.languageId = 'json';
    this.fire('open', document);
  }

  close(address: string): void {
    const at = this.documents.findIndex(({ uri }) => uri.toString() === address);
    const [document] = this.documents.splice(at, 1);
    if (this.active === document) this.activate(null);
    this.fire('close', document);
  }

  show(address: string): void {
    this.visible = [...this.visible, this.open(address)];
    this.fire(
      'visible',
      this.visible.map((document) => ({ document })),
    );
  }

  activate(address: string | null): void {
    this.active = address === null ? undefined : this.open(address);
    this.fire('active', this.active && { document: this.active });
  }

  /** @param line From 1. */
  moveCursor(address: string, line: number): void {
    this.lines.set(address, line);
    this.fire('selection', { textEditor: editorOf(this.open(address), line) });
  }

  get vscode(): object {
    const { told } = this;
    const shown = (document: TextDocument | undefined): object | undefined =>
      document && editorOf(document, this.lines.get(document.uri.toString()) ?? 1);
    const active = (): object | undefined => shown(this.active);
    const visible = (): unknown[] => this.visible.map(shown);
    return {
      Uri,
      EventEmitter: class {
        event = () => ({ dispose: () => undefined });
        fire(what: unknown): void {
          told.push(what);
        }
        dispose(): void {
          return undefined;
        }
      },
      window: {
        get activeTextEditor() {
          return active();
        },
        get visibleTextEditors() {
          return visible();
        },
        onDidChangeActiveTextEditor: this.on('active'),
        onDidChangeVisibleTextEditors: this.on('visible'),
        onDidChangeTextEditorSelection: this.on('selection'),
      },
      workspace: {
        textDocuments: this.documents,
        onDidChangeTextDocument: this.on('change'),
        onDidOpenTextDocument: this.on('open'),
        onDidCloseTextDocument: this.on('close'),
        fs: { isWritableFileSystem: () => true },
        // The file system takes its time.
        openTextDocument: (uri: Uri) =>
          new Promise((resolve, reject) =>
            this.waiting.push(() =>
              this.files.has(uri.toString()) ? resolve(this.open(uri.toString())) : reject(new Error('gone')),
            ),
          ),
      },
    };
  }
}

const A = 'file:///w/a/config.json';
const B = 'file:///w/b/config.json';
const NOTES = 'file:///w/notes.json';
const PRESET = `${EXTENSION}/media/presets/llama-3-8b.json`;

let code = '';
let targetsCode = '';
let memoryCode = '';
beforeAll(async () => {
  [code = '', targetsCode = '', memoryCode = ''] = await Promise.all(
    ['following', 'targets', 'followedMemory'].map((name) => hostCode(`src/editor/panel/${name}.ts`)),
  );
});

/** What a window keeps. */
type State = Map<string, unknown>;

function start(world: World, state: State, extension = EXTENSION): Following {
  const { vscode } = world;
  const load = <T>(text: string): T => {
    const module = { exports: {} };
    new Function('module', 'require', text)(module, (name: string) =>
      name === 'vscode' ? vscode : (requireHere(name) as unknown),
    );
    return module.exports as T;
  };
  const following = load<{ readonly Following: typeof Following }>(code);
  const targets = load<{ readonly Targets: typeof Targets }>(targetsCode);
  const memory = load<{ readonly FollowedMemory: typeof FollowedMemory }>(memoryCode);
  const root = Uri.parse(extension) as never;
  const kept = { get: (key: string) => state.get(key), update: (key: string, value: unknown) => state.set(key, value) };
  const readings = {
    onDidChange: () => ({ dispose: () => undefined }),
    onDidChangeFront: () => ({ dispose: () => undefined }),
    front: null,
    quantFile: () => undefined,
    of: ({ uri, languageId }: TextDocument) => (languageId === 'json' && uri.toString() !== NOTES ? {} : null),
  };
  return new following.Following(
    readings as never,
    new targets.Targets(root),
    new memory.FollowedMemory(kept as never, root),
  );
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Happening = (world: World) => void;

interface Case {
  readonly title: string;
  /** What happened until the reload; ends with A, B or a preset followed. */
  readonly before: (world: World, following: Following) => Promise<void>;
  /** Editors that come back: of each what happens to it, in this order. */
  readonly back: readonly (readonly Happening[])[];
  readonly wanted: string;
  readonly gone?: readonly string[];
}

const comesBack = (address: string, active: boolean, late = false): Happening[] => [
  (world) => world.open(address, late ? 'plaintext' : 'json'),
  (world) => world.show(address),
  ...(active ? [(world: World) => world.activate(address)] : []),
  ...(late ? [(world: World) => world.learnLanguage(address)] : []),
];
const answers = async (world: World): Promise<void> => {
  for (const answer of world.waiting.splice(0)) answer();
  await settled();
};
const follow = async (world: World, following: Following, address: string): Promise<void> => {
  const followed = following.follow(Uri.parse(address) as never);
  await answers(world);
  await followed;
};

const CASES: readonly Case[] = [
  {
    title: 'a config that is active',
    before: async (world) => world.activate(A),
    back: [comesBack(A, true)],
    wanted: A,
  },
  {
    title: 'a config whose language is known late',
    before: async (world) => world.activate(A),
    back: [comesBack(A, true, true)],
    wanted: A,
  },
  {
    title: 'a config beside the panel, which has the focus, and not the one beside that',
    before: async (world) => {
      world.show(B);
      world.activate(A);
      world.activate(null);
    },
    back: [comesBack(B, false), comesBack(A, false)],
    wanted: A,
  },
  {
    title: 'a config that stayed when another file became active',
    before: async (world) => {
      world.activate(A);
      world.activate(NOTES);
    },
    back: [comesBack(B, false), comesBack(NOTES, true), comesBack(A, false)],
    wanted: A,
  },
  {
    title: 'a config that was closed',
    before: async (world) => {
      world.activate(A);
      world.close(A);
    },
    back: [comesBack(B, false)],
    wanted: A,
  },
  {
    title: 'a preset, over the config that was active when it was chosen',
    before: async (world, following) => {
      world.activate(B);
      await follow(world, following, PRESET);
    },
    back: [comesBack(B, true)],
    wanted: PRESET,
  },
  {
    title: 'another config where the file is gone',
    before: async (world) => {
      world.activate(A);
      world.close(A);
    },
    back: [comesBack(B, false)],
    wanted: B,
    gone: [A],
  },
];

describe('the config that the panel follows', () => {
  it.each(CASES)('after a reload is $title, in every order', async ({ before, back, wanted, gone = [] }) => {
    const state: State = new Map();
    const earlier = new World(new Set([A, B, PRESET]));
    const first = start(earlier, state);
    await before(earlier, first);
    const lines = [...back, [null]].map((line) => [...line]);
    const order = fc.array(fc.nat(99), {
      minLength: lines.flat().length + 1,
      maxLength: lines.flat().length + 1,
    });
    await fc.assert(
      fc.asyncProperty(order, async (choices) => {
        const world = new World(new Set([A, B, PRESET].filter((file) => !gone.includes(file))));
        const kept: State = new Map(structuredClone([...state]));
        const left = lines.map((line) => [...line]);
        const turns = [...choices];
        // When the file system answers, if it is asked.
        const answerAt = turns.pop() ?? 0;
        let following: Following | undefined;
        for (const [at, turn] of turns.entries()) {
          const open = left.filter((line) => line.length > 0);
          const happening = open[turn % Math.max(1, open.length)]?.shift();
          if (happening === null) following = start(world, kept);
          else happening?.(world);
          if (at >= answerAt % turns.length) await answers(world);
        }
        await answers(world);
        await following?.restored;
        expect(following?.current?.uri.toString()).toBe(wanted);
        // What is chosen now counts, at once.
        world.activate(wanted === A ? B : A);
        expect(following?.current?.uri.toString()).toBe(wanted === A ? B : A);
      }),
      { numRuns: 300 },
    );
  });

  it('has a cursor, whose lines are told at intervals, and none of another file', async () => {
    vi.useFakeTimers();
    const world = new World(new Set([A, B]));
    world.show(A);
    const following = start(world, new Map());
    world.activate(A);
    const id = following.current?.id ?? '';
    expect(following.cursor).toEqual({ id, line: 1 });
    await Promise.resolve();
    world.told.length = 0;
    for (let line = 2; line <= 40; line++) world.moveCursor(A, line);
    world.moveCursor(B, 7);
    expect(following.cursor).toEqual({ id, line: 40 });
    expect(world.told).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(world.told).toEqual([{ id, line: 40 }]);
    // The same line again is nothing new.
    world.moveCursor(A, 40);
    vi.advanceTimersByTime(500);
    expect(world.told).toHaveLength(1);
    world.show(B);
    world.activate(B);
    expect(following.cursor).toEqual({ id: following.current?.id, line: 7 });
    world.close(B);
    expect(following.cursor).toBeNull();
    vi.useRealTimers();
  });

  it('is the active one in a window that opens anew, whatever was followed before', async () => {
    const state: State = new Map();
    const earlier = new World(new Set([A, B]));
    start(earlier, state);
    earlier.activate(A);
    const world = new World(new Set([A, B]));
    world.activate(B);
    expect(start(world, state).current?.uri.toString()).toBe(B);
  });

  it('is a preset after an update of the extension, too, under the name it had', async () => {
    const state: State = new Map();
    const earlier = new World(new Set([PRESET]));
    await follow(earlier, start(earlier, state), PRESET);
    const updated = 'file:///extensions/headlight-2';
    const moved = PRESET.replace(EXTENSION, updated);
    const world = new World(new Set([moved]));
    const following = start(world, state, updated);
    await answers(world);
    await following.restored;
    expect(following.current).toMatchObject({ name: 'llama-3-8b.json', own: false });
    expect(following.current?.uri.toString()).toBe(moved);
  });

  it('is nothing, and makes nothing, where what was followed was never saved', async () => {
    const state: State = new Map([
      ['panel.followed', { uri: 'untitled:Untitled-1', name: 'Untitled-1', active: null }],
    ]);
    const world = new World(new Set());
    const following = start(world, state);
    await following.restored;
    expect([following.current, world.waiting, world.documents]).toEqual([null, [], []]);
    world.open('untitled:Untitled-1');
    expect(following.current?.name).toBe('Untitled-1');
  });

  it.each([[null], [3], [{ uri: 5 }], [{ uri: A }], [{ name: 'a' }]])(
    'does not trip over a memory of %j',
    async (kept) => {
      const world = new World(new Set([A]));
      const following = start(world, new Map([['panel.followed', kept]]));
      await following.restored;
      world.activate(A);
      expect(following.current?.uri.toString()).toBe(A);
    },
  );
});
