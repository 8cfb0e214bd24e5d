// Draws docs/architecture.svg from the code: the rooms of scripts/floors.mjs that exist, floor by floor, and who imports whom.
// usage: node scripts/drawArchitecture.mjs   (also part of `npm run generate`)
//
// An arrow that others imply (editor → present → model makes editor → model) is left out, so that the picture can be read. The same code
// gives the same picture, to the byte; a unit test says whether it is fresh.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { FLOORS, pathOf, roomOf, ROOMS } from './floors.mjs';

/** @typedef {import('./floors.mjs').Room} Room */
/** @typedef {{ room: Room | null; x: number; width: number; up: Node[]; down: Node[] }} Node  a box, or where an arrow passes a floor */
/** @typedef {ReadonlyMap<string, ReadonlySet<string>>} Imports  names of rooms by name of a room */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [WIDTH, BOX, HEIGHT, PITCH, MARGIN, GAP, LANE] = [980, 250, 46, 92, 24, 26, 22];
const KINDS = { pure: 'pure: runs anywhere', node: 'Node', page: "the panel's page", editor: 'VS Code' };

/** @param {string} path  relative to the checkout */
function typescriptFiles(path) {
  if (!existsSync(join(ROOT, path))) return [];
  if (statSync(join(ROOT, path)).isFile()) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${path}/${name.replaceAll('\\', '/')}`);
}

/**
 * Which room imports which, types included, as the code is now.
 * @returns {Imports}
 */
export function importsOfRooms() {
  /** @type {Map<string, Set<string>>} */
  const imports = new Map();
  for (const room of ROOMS) {
    const files = typescriptFiles(pathOf(room));
    if (files.length === 0) continue;
    /** @type {Set<string>} */
    const found = new Set();
    for (const file of files) {
      const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), 'utf8'));
      for (const { fileName } of importedFiles) {
        if (!fileName.startsWith('.')) continue;
        const target = roomOf(posix.join(dirname(file).replaceAll('\\', '/'), fileName));
        if (target && target !== room) found.add(target.name);
      }
    }
    imports.set(room.name, found);
  }
  return imports;
}

/**
 * Without the arrows that others imply.
 * @param {Imports} imports
 * @returns {[string, string][]}
 */
export function essential(imports) {
  /**
   * @param {string} from
   * @param {Set<string>} seen
   * @returns {Set<string>}
   */
  const below = (from, seen = new Set()) => {
    for (const next of imports.get(from) ?? []) if (!seen.has(next)) below(next, seen.add(next));
    return seen;
  };
  return [...imports].flatMap(([from, targets]) =>
    [...targets]
      .filter((target) => ![...targets].some((other) => other !== target && below(other).has(target)))
      .sort()
      .map((target) => /** @type {[string, string]} */ ([from, target])),
  );
}

/** @param {Node[]} nodes */
const mean = (nodes) => nodes.reduce((sum, { x }) => sum + x, 0) / nodes.length;

/**
 * Places the nodes of a floor near where they want to be, in their order, without touching.
 * @param {Node[]} row
 * @param {(node: Node) => number} wanted
 */
function place(row, wanted) {
  /** @param {Node} a @param {Node} b */
  const apart = (a, b) => (a.width + b.width) / 2 + GAP;
  const left = row.map(wanted);
  const right = [...left];
  for (let i = 1; i < row.length; i++) {
    const [before, node] = [row[i - 1], row[i]];
    if (before && node) left[i] = Math.max(left[i] ?? 0, (left[i - 1] ?? 0) + apart(before, node));
  }
  for (let i = row.length - 2; i >= 0; i--) {
    const [node, after] = [row[i], row[i + 1]];
    if (node && after) right[i] = Math.min(right[i] ?? 0, (right[i + 1] ?? 0) - apart(node, after));
  }
  row.forEach((node, i) => (node.x = ((left[i] ?? 0) + (right[i] ?? 0)) / 2));
  for (let i = 1; i < row.length; i++) {
    const [before, node] = [row[i - 1], row[i]];
    if (before && node) node.x = Math.max(node.x, before.x + apart(before, node));
  }
}

/** @param {Node[][]} rows */
function crossings(rows) {
  let count = 0;
  for (const row of rows) {
    const arrows = row.flatMap((node) => node.down.map((to) => [node.x, to.x]));
    for (const [a = 0, b = 0] of arrows) for (const [c = 0, d = 0] of arrows) if (a < c && b > d) count++;
  }
  return count;
}

/**
 * The rows from the top floor to the ground, with a place in each floor that an arrow passes.
 * @param {Imports} imports
 * @returns {{ rows: Node[][]; width: number }}
 */
function layout(imports) {
  const floors = FLOORS.map((rooms) => rooms.filter(({ name }) => imports.has(name)))
    .filter((rooms) => rooms.length > 0)
    .reverse();
  /** @type {(room: Room | null, width: number) => Node} */
  const node = (room, width) => ({ room, x: 0, width, up: [], down: [] });
  const rows = floors.map((rooms) => rooms.map((room) => node(room, BOX)));
  const boxes = new Map(rows.flat().map((box) => [box.room?.name, box]));
  const level = (/** @type {Node | undefined} */ box) =>
    rows.findIndex((row) => box !== undefined && row.includes(box));
  for (const [from, to] of essential(imports)) {
    const [start, end] = [boxes.get(from), boxes.get(to)];
    if (!start || !end) continue;
    let last = start;
    for (let at = level(start) + 1; at <= level(end); at++) {
      /** @type {Node} */
      const next = at === level(end) ? end : node(null, LANE);
      if (next !== end) rows[at]?.push(next);
      last.down.push(next);
      next.up.push(last);
      last = next;
    }
  }
  // Sweeps up and down: nodes go where their neighbours are, as long as that unties arrows.
  for (const row of rows) row.forEach((each, i) => (each.x = i * (BOX + GAP)));
  let best = { count: Infinity, order: rows.map((row) => [...row]) };
  for (let sweep = 0; sweep < 24; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      /** @param {Node} each */
      const near = (each) => (down ? each.up : each.down);
      const wish = new Map(row.map((each) => [each, near(each).length > 0 ? mean(near(each)) : each.x]));
      row.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      place(row, (each) => wish.get(each) ?? 0);
    }
    const count = crossings(rows);
    if (count < best.count) best = { count, order: rows.map((row) => [...row]) };
  }
  for (let round = 0; round < 12; round++) {
    for (const row of round % 2 === 0 ? best.order : [...best.order].reverse()) {
      place(row, (each) => (each.up.length + each.down.length > 0 ? mean([...each.up, ...each.down]) : each.x));
    }
  }
  const all = best.order.flat();
  const [left, right] = [
    Math.min(...all.map(({ x, width }) => x - width / 2)),
    Math.max(...all.map(({ x, width }) => x + width / 2)),
  ];
  const width = Math.max(WIDTH, Math.round(right - left) + 2 * MARGIN);
  const shift = width / 2 - (left + right) / 2;
  for (const each of all) each.x = Math.round(each.x + shift);
  return { rows: best.order, width };
}

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const STYLE = `
    text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #57606a; }
    .name { font-weight: 600; font-size: 13px; fill: #1f2328; }
    .floor { fill: #f6f8fa; } .arrow { fill: none; stroke: #8c959f; stroke-width: 1.3; } .head { fill: #8c959f; }
    .room { stroke-width: 1.2; }
    .pure { fill: #ddf4ff; stroke: #54aeff; } .node { fill: #dafbe1; stroke: #4ac26b; }
    .page { fill: #fff8c5; stroke: #d4a72c; } .editor { fill: #fbefff; stroke: #c297ff; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; } .name { fill: #f0f6fc; } .floor { fill: #151b23; }
      .arrow { stroke: #656c76; } .head { fill: #656c76; }
      .pure { fill: #0c2d6b; stroke: #388bfd; } .node { fill: #033a16; stroke: #2ea043; }
      .page { fill: #341a00; stroke: #9e6a03; } .editor { fill: #271052; stroke: #8957e5; }
    }`;

/**
 * The picture.
 * @param {Imports} imports
 */
export function architectureSvg(imports) {
  const { rows, width } = layout(imports);
  const top = (/** @type {number} */ level) => MARGIN + level * PITCH;
  const height = top(rows.length) + 34;
  const floors = rows.map(
    (_, level) =>
      `<rect class="floor" x="8" y="${top(level) - 10}" width="${width - 16}" height="${HEIGHT + 20}" rx="8"/>`,
  );
  /**
   * Where an arrow leaves or meets a box: arrows side by side, in the order of where they go.
   * @param {Node} box
   * @param {Node[]} others
   * @param {Node} other
   */
  const port = (box, others, other) => {
    if (!box.room) return box.x;
    const sorted = [...others].sort((a, b) => a.x - b.x);
    const step = Math.min(26, (box.width - 60) / Math.max(1, sorted.length));
    return Math.round((box.x + (sorted.indexOf(other) - (sorted.length - 1) / 2) * step) * 10) / 10;
  };
  /** @type {string[]} */
  const arrows = [];
  rows.forEach((row, level) => {
    for (const from of row) {
      for (const to of from.down) {
        const [x1, x2] = [port(from, from.down, to), port(to, to.up, from)];
        const y1 = top(level) + HEIGHT;
        const y2 = top(level + 1) - (to.room ? 7 : 0);
        const bend = (y2 - y1) / 2;
        // Through a floor that it only passes, an arrow goes straight.
        const through = to.room ? '' : ` V${y2 + HEIGHT}`;
        const head = to.room ? ' marker-end="url(#head)"' : '';
        arrows.push(
          `<path class="arrow" d="M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}${through}"${head}/>`,
        );
      }
    }
  });
  const boxes = rows.flatMap((row, level) =>
    row.flatMap(({ room, x }) => {
      if (!room) return [];
      const y = top(level);
      return [
        `<rect class="room ${room.runtime}" x="${x - BOX / 2}" y="${y}" width="${BOX}" height="${HEIGHT}" rx="6"/>`,
        `<text class="name" x="${x}" y="${y + 19}" text-anchor="middle">${escaped(pathOf(room))}</text>`,
        `<text x="${x}" y="${y + 36}" text-anchor="middle">${escaped(room.says)}</text>`,
      ];
    }),
  );
  const legend = Object.entries(KINDS).flatMap(([kind, says], index) => {
    const x = 24 + index * 170;
    const y = height - 30;
    return [
      `<rect class="room ${kind}" x="${x}" y="${y}" width="18" height="14" rx="3"/>`,
      `<text x="${x + 25}" y="${y + 11}">${escaped(says)}</text>`,
    ];
  });
  const note = `<text x="${width - 24}" y="${height - 19}" text-anchor="end">→ imports; implied arrows are left out</text>`;
  const lines = [...floors, ...arrows, ...boxes, ...legend, note];
  return `<!-- Drawn by scripts/drawArchitecture.mjs from the imports in the code: npm run generate. -->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
  <title id="title">The rooms of Headlight, floor by floor: each imports only from floors below its own.</title>
  <style>${STYLE}
  </style>
  <defs>
    <marker id="head" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" markerHeight="7" orient="auto">
      <path class="head" d="M0 0 8 4 0 8z"/>
    </marker>
  </defs>
  ${lines.join('\n  ')}
</svg>
`;
}

/** Where the picture is kept. */
export const PICTURE = join(ROOT, 'docs', 'architecture.svg');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PICTURE, architectureSvg(importsOfRooms()));
  console.log(PICTURE);
}
