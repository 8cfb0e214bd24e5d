// The floors of the house, from the ground up: the one place that says which folder may import which. Lint (scripts/lint/floors.mjs) and
// the picture (scripts/drawArchitecture.mjs) are made from it. A room imports only from floors below its own, never from its neighbours.

/**
 * What a room may know of the machine it runs on:
 * - pure: nothing but JavaScript; it also runs in the panel's page and in a browser's extension host
 * - node: Node
 * - editor: VS Code's API
 * - page: the DOM
 * @typedef {'pure' | 'node' | 'editor' | 'page'} Runtime
 *
 * @typedef {object} Room
 * @property {string} name      unique; for most the folder under src/
 * @property {string} [path]    where it is, if not src/NAME
 * @property {string} says      what it is for, in a few words
 * @property {Runtime} runtime
 * @property {Readonly<Record<string, string>>} [never]  rooms below that it must not import all the same, and why
 */

const HEAVY = 'Heavy work belongs to the compute process.';
const CONTRACT = 'The page reaches the host through src/shared.';

/** @type {readonly (readonly Room[])[]} */
export const FLOORS = [
  [{ name: 'model', says: 'the vocabulary: layers, caches', runtime: 'pure' }],
  [
    { name: 'config', says: 'a config document and its keys', runtime: 'pure' },
    { name: 'attention', says: 'attention layers as ONNX graphs', runtime: 'pure' },
  ],
  [{ name: 'families', says: 'what each model family is', runtime: 'pure' }],
  [{ name: 'reading', says: 'text of a config → its layers', runtime: 'pure' }],
  [
    { name: 'cache', says: 'layers → bytes, by engine, derived', runtime: 'pure' },
    { name: 'lint', says: 'what is wrong in a config', runtime: 'pure' },
    { name: 'python', says: 'the same in constructor calls', runtime: 'pure' },
  ],
  [
    { name: 'serving', says: 'parameters, devices, rooflines', runtime: 'pure' },
    { name: 'insight', says: 'measures on heads, conversions', runtime: 'pure' },
  ],
  [{ name: 'shared', says: 'contracts between the processes', runtime: 'pure' }],
  [
    { name: 'weights', says: 'safetensors and GGUF files', runtime: 'node' },
    { name: 'present', says: 'numbers → text', runtime: 'pure' },
    { name: 'hub', says: 'models by name, from the Hub', runtime: 'node' },
  ],
  [{ name: 'drawing', says: 'the architecture as a figure', runtime: 'pure' }],
  [{ name: 'stores', says: 'where models lie on this machine', runtime: 'node' }],
  [
    { name: 'compute', says: 'the process that runs graphs', runtime: 'node' },
    {
      name: 'webview',
      path: 'webview',
      says: "the panel's page",
      runtime: 'page',
      never: { weights: CONTRACT },
    },
  ],
  [
    { name: 'editor', says: 'hover, lens, panel, palette', runtime: 'editor', never: { weights: HEAVY } },
    { name: 'cli', says: 'the same core without an editor', runtime: 'node' },
  ],
  [
    { name: 'extension', path: 'src/extension.ts', says: 'starts in VS Code', runtime: 'editor' },
    { name: 'extension.web', path: 'src/extension.web.ts', says: 'starts in a browser', runtime: 'editor' },
  ],
];

/** @type {readonly Room[]} */
export const ROOMS = FLOORS.flat();

/** @param {Room} room */
export const pathOf = (room) => room.path ?? `src/${room.name}`;

/**
 * The room that a file is in; undefined outside of the house (tests, scripts).
 * @param {string} file  relative to the checkout, with slashes
 */
export function roomOf(file) {
  return ROOMS.find((room) => {
    const path = pathOf(room);
    return file === path || `${file}.ts` === path || file.startsWith(`${path}/`);
  });
}

/**
 * Why a room must not import another, in a sentence; null where it may.
 * @param {Room} from
 * @param {Room} to
 */
export function forbidden(from, to) {
  if (from === to) return null;
  const [floor, other] = [from, to].map((room) => FLOORS.findIndex((rooms) => rooms.includes(room)));
  if (floor === other) return `${from.name} and ${to.name} are neighbours on one floor: neither imports the other.`;
  if ((floor ?? 0) < (other ?? 0)) return `${to.name} is above ${from.name}: imports go down (scripts/floors.mjs).`;
  return from.never?.[to.name] ?? null;
}
