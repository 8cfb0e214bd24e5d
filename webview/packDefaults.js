// The table of class defaults as the page loads it: column by column, which packs a tenth smaller than row by row.

/** Rows as columns: of each key, the distance to the row before that has it, and the value. */
function pack({ types, aliases, text, theta }) {
  const names = Object.keys(types);
  const rows = new Map(names.map((name, index) => [name, index]));
  const columns = {};
  names.forEach((name, index) => {
    for (const [key, value] of Object.entries(types[name])) {
      const column = (columns[key] ??= { last: -1, cells: [] });
      const step = index - column.last;
      const cell =
        key === 'like' ? String(rows.get(value)) : typeof value === 'string' ? `~${value}` : JSON.stringify(value);
      if (/[\s"\\]/.test(cell.replace(/^[[{].*/, '')) || cell.includes(' ')) throw new Error(`${name}.${key}: ${cell}`);
      column.cells.push(`${step === 1 ? '' : step}:${cell}`);
      column.last = index;
    }
  });
  const packed = Object.fromEntries(Object.entries(columns).map(([key, { cells }]) => [key, cells.join(' ')]));
  return [names.join(' '), packed, inverted(aliases), inverted(text), theta];
}

/** Each value once, with the names that have it. */
function inverted(record) {
  const found = new Map();
  for (const [name, value] of Object.entries(record)) {
    const text = JSON.stringify(value);
    found.set(text, [...(found.get(text) ?? []), name]);
  }
  return [...found].map(([text, names]) => [names.join(' '), JSON.parse(text)]);
}

/** Runs in the page, alone: it may name nothing outside of itself. */
function unpack([allNames, columns, aliases, text, theta]) {
  const names = allNames.split(' ');
  const rows = names.map(() => ({}));
  for (const [key, cells] of Object.entries(columns)) {
    let index = -1;
    for (const cell of cells.split(' ')) {
      const at = cell.indexOf(':');
      index += Number(cell.slice(0, at)) || 1;
      const text = cell.slice(at + 1);
      const value = text[0] === '~' ? text.slice(1) : JSON.parse(text);
      rows[index][key] = key === 'like' ? names[value] : value;
    }
  }
  const each = (list) =>
    Object.fromEntries(list.flatMap(([all, value]) => all.split(' ').map((name) => [name, value])));
  return {
    types: Object.fromEntries(names.map((name, index) => [name, rows[index]])),
    aliases: each(aliases),
    text: each(text),
    theta,
  };
}

/** The module in place of the table. */
function packedModule(table) {
  return `${unpack}\nexport default unpack(${JSON.stringify(pack(table))});`;
}

module.exports = { pack, unpack, packedModule };
