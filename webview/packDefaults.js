// The tree of class defaults as the page loads it: key by key over all rows, which packs a tenth smaller than row by row.

/** Rows in the order of the tree, each with its depth; of each key, the distance to the row before that has it, and the value. */
function pack(types) {
  const rows = [];
  const place = (trees, depth) => {
    for (const [name, { likes, ...row }] of Object.entries(trees)) {
      rows.push([name, depth, row]);
      if (likes) place(likes, depth + 1);
    }
  };
  place(types, 0);
  const columns = {};
  rows.forEach(([name, , row], index) => {
    for (const [key, value] of Object.entries(row)) {
      const column = (columns[key] ??= { last: -1, cells: [] });
      const step = index - column.last;
      const cell = typeof value === 'string' ? `~${value}` : value === null ? '' : JSON.stringify(value);
      if (cell.includes(' ')) throw new Error(`${name}.${key}: ${cell}`);
      column.cells.push(`${step === 1 ? '' : step}:${cell}`);
      column.last = index;
    }
  });
  const depths = rows.map(([name, depth], index) => `${depth - (rows[index - 1]?.[1] ?? 0)}${name}`);
  return [
    depths.join(' '),
    Object.fromEntries(Object.entries(columns).map(([key, { cells }]) => [key, cells.join(' ')])),
  ];
}

/** Runs in the page, alone: it may name nothing outside of itself. */
function unpack([names, columns]) {
  const root = { likes: {} };
  const path = [root];
  let depth = 0;
  const rows = names.split(' ').map((text) => {
    const [, step, name] = /^(-?\d)(.*)/.exec(text);
    depth += Number(step);
    const row = {};
    const above = path[depth];
    (above.likes ??= {})[name] = row;
    path[depth + 1] = row;
    return row;
  });
  for (const [key, cells] of Object.entries(columns)) {
    let index = -1;
    for (const cell of cells.split(' ')) {
      const at = cell.indexOf(':');
      const text = cell.slice(at + 1);
      index += Number(cell.slice(0, at)) || 1;
      rows[index][key] = text[0] === '~' ? text.slice(1) : text === '' ? null : JSON.parse(text);
    }
  }
  return root.likes;
}

/** The module in place of the file. */
function packedModule({ types }) {
  return `${unpack}\nexport const types = unpack(${JSON.stringify(pack(types))});`;
}

module.exports = { pack, unpack, packedModule };
