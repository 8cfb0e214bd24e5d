/** Text of files for the eye, and each place that shows it, on any text. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { visible, visibleJson, visibleLines, visibleUpTo } from '../../../src/model/visibleText';
import { csv } from '../../../src/present/csv';
import { inert } from '../../../src/present/inert';
import { codeSpan, list, md, sentenceText, table } from '../../../src/present/markdown';
import { json, line, lines, prose } from '../../../src/present/terminal';
import { HOSTILE, UNSEEN } from '../support/hostile';

/** Text of what matters here: each sign often enough that they meet. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        ...'[]()<>!`*_#|\\$&;:/=+-@",~',
        ...[
          '](',
          '](command:x)',
          '$(alert)',
          '\\|',
          '``',
          'www.',
          'https://',
          '&lt;',
          '&#91;',
          'command:x',
          '\n',
          '\r\n',
          '\t',
          ' ',
        ],
        ...[
          '\u001b[31m',
          '\u0000',
          '\u007f',
          '\u009b',
          '\u202e',
          '\u2066',
          '\u200b',
          '\u2028',
          '\ufeff',
          '\ud800',
          '\u{e0041}',
        ],
        'a',
        '1',
        '=',
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
);

describe('visible text', () => {
  it.each([
    ['a\u001b[31mb', 'a␛[31mb'],
    ['a\nb\tc\rd', 'a␊b␉c␍d'],
    ['\u0000\u007f', '␀⟨U+007F⟩'],
    ['\u202eevil\u2066', '⟨U+202E⟩evil⟨U+2066⟩'],
    ['a\u200bb\ufeff\u2028', 'a⟨U+200B⟩b⟨U+FEFF⟩⟨U+2028⟩'],
    ['\ud800x\u{e0041}', '⟨U+D800⟩x⟨U+E0041⟩'],
    ['café 漢字 😀 ❤️ Ω', 'café 漢字 😀 ❤️ Ω'],
  ])('shows sign for sign (%#)', (from, to) => expect(visible(from)).toBe(to));

  const words = [
    '👩\u200d🔬',
    '❤\ufe0f\u200d🔥',
    '👩🏽\u200d🚀',
    'می\u200cخواهم',
    'کتاب\u200cها',
    'क\u094d\u200dष',
    'ක\u0dca\u200dර',
    'ന\u0d4d\u200d',
    'ক\u09cd\u200cষ',
  ];

  it.each(words)('leaves the joiners that a word or a picture is written with (%#)', (word) => {
    expect(word).toMatch(/[\u200c\u200d]/);
    fc.assert(
      fc.property(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), (before, after) => {
        expect(visible(`${before} ${word} ${after}`)).toContain(word);
      }),
    );
  });

  it('shows every other joiner', () => {
    const signs = fc.constantFrom('a', '1', 'Ω', 'д', '漢', '©', '-', '_', ' ', '🇩', 'ا', 'د', 'क', '\u200b', '\u202e');
    fc.assert(
      fc.property(signs, fc.constantFrom('\u200c', '\u200d'), signs, (before, joiner, after) => {
        expect(visible(before + joiner + after)).not.toContain(joiner);
        expect(visible(joiner + joiner)).not.toContain(joiner);
      }),
    );
    // Letters of two scripts, a joiner twice, the wrong one of the two, a vowel sign behind.
    for (const from of ['क\u094d\u200cক', '👩\u200d\u200d🔬', '👩\u200c🔬', 'می\u200dخ', 'क\u094d\u200dा'])
      expect(visible(from)).toContain('⟨U+200');
  });

  it('does not end in a joiner where it is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(...words), fc.integer({ min: 2, max: 20 }), (word, longest) => {
        expect(visibleUpTo(longest, word.repeat(9))).not.toMatch(/[\u200c\u200d]…/);
      }),
    );
  });

  it('has nothing that is obeyed or not seen, and is itself when it is looked at again', () => {
    fc.assert(
      fc.property(text, (from) => {
        const to = visible(from);
        expect(to).not.toMatch(UNSEEN);
        expect(visible(to)).toBe(to);
        if (!UNSEEN.test(from)) expect(to).toBe(from);
        expect(visibleLines(from).replace(/[\n\t]/g, '')).not.toMatch(UNSEEN);
      }),
    );
  });

  it('is as long as it may be, and no character is cut in two', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 40 }), (from, longest) => {
        const to = visibleUpTo(longest, from);
        expect(to.length).toBeLessThanOrEqual(longest);
        expect(to).not.toMatch(UNSEEN);
      }),
    );
    expect(visibleUpTo(3, 'a😀😀')).toBe('a…');
  });

  it('is the same value in JSON', () => {
    fc.assert(
      fc.property(text, (from) => {
        for (const indent of [undefined, 2]) {
          const written = visibleJson({ [from]: [from] }, indent);
          expect(written.replaceAll('\n', '')).not.toMatch(UNSEEN);
          // Half of a character is not a string that JSON could hold by itself: it is an escape there, too.
          expect(JSON.parse(written)).toEqual({ [from]: [from] });
        }
      }),
    );
  });

  it('is all that a config holds', () => {
    fc.assert(
      fc.property(text, (from) => {
        const parsed = ConfigDocument.parse(JSON.stringify({ [from]: [from, { deep: from }] }));
        expect(parsed.root && parsed.valueOf(parsed.root)).toEqual({
          [visible(from)]: [visible(from), { deep: visible(from) }],
        });
      }),
    );
  });
});

describe('places that show text', () => {
  it('are one line of a terminal each, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (from) => {
        expect(lines(from).split('\n')).toHaveLength(from.length);
        expect(lines(from).replaceAll('\n', '')).not.toMatch(UNSEEN);
        for (const each of from) {
          expect(line(each)).not.toContain('\n');
          expect(prose(each).replace(/[\n\t]/g, '')).not.toMatch(UNSEEN);
          expect(json(each)).not.toMatch(UNSEEN);
        }
      }),
    );
  });

  it('have no links and icons in messages and labels', () => {
    fc.assert(
      fc.property(text, (from) => {
        const to = inert(from);
        expect(to).not.toMatch(UNSEEN);
        expect(to).not.toMatch(/\]\(|\$\(/);
      }),
    );
    expect(inert('x'.repeat(5_000)).length).toBe(1_000);
  });

  it('are Markdown without markup', () => {
    fc.assert(
      fc.property(text, (from) => {
        for (const { source } of [md`${from}`, sentenceText(from), md`**${from}** (${from})`]) {
          expect(source).not.toMatch(UNSEEN);
          // What a backslash stands before is text.
          const bare = source.replace(/\\[!-/:-@[-`{-~]/g, '');
          expect(bare.replace(/^\*\*|\*\* \(/g, '')).not.toMatch(/[<`[\]|]|https?:\/\/|www\./i);
        }
      }),
    );
  });

  it('are code spans that end where they should', () => {
    fc.assert(
      fc.property(text, (from) => {
        const { source } = codeSpan(from);
        if (source === '') return;
        expect(source).not.toMatch(UNSEEN);
        expect(source.slice(1, -1)).not.toContain('`');
        // The rule of GitHub's tables: a pipe behind an odd number of backslashes does not end the cell.
        for (const [, backslashes = ''] of source.matchAll(/(\\*)\|/g)) expect(backslashes.length % 2).toBe(1);
      }),
    );
  });

  it('are cells and items of the table and the list that they are in', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 4 }), (rows) => {
        const { source } = table(
          ['a', 'b'],
          rows.map(([a, b]) => [a, codeSpan(b)]),
        );
        const written = source.split('\n');
        expect(written).toHaveLength(2 + rows.length);
        for (const row of written) expect(row.replace(/\\./g, '').match(/\|/g)).toHaveLength(3);
        expect(list(rows.map(([a]) => a)).source.split('\n')).toHaveLength(Math.max(1, rows.length));
      }),
    );
  });

  it('are cells of a spreadsheet, none a formula', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (row) => {
        const written = csv([[...row, -1.5, null, true]]);
        expect(written.endsWith(',-1.5,,true\r\n')).toBe(true);
        const cells: string[] = [];
        for (const [, quoted, plain = '', end] of written
          .slice(0, -2)
          .matchAll(/(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/g)) {
          cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
          if (end === '') break;
        }
        expect(cells).toHaveLength(row.length + 3);
        for (const cell of cells.slice(0, -3)) {
          expect(cell).not.toMatch(/^\s*[=+\-@]/);
          expect(cell).not.toMatch(UNSEEN);
        }
      }),
    );
    expect(csv([['=1', '＝1', ' +1', "'a", 'a;=1', -1]])).toBe(`'=1,'＝1,' +1,'a,"a;=1",-1\r\n`);
  });

  it('show the worst text as text', () => {
    expect(HOSTILE).toMatch(UNSEEN);
    expect(md`${HOSTILE}`.source).not.toMatch(UNSEEN);
    expect(inert(HOSTILE)).not.toMatch(/\]\(|\$\(/);
  });
});

it('what is taken for plain without a closer look has no sign that is unseen', () => {
  const unseen = /(?![\u200c\u200d\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;
  const signs = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code));
  expect(signs.filter((sign) => unseen.test(sign) && visible(sign) === sign)).toEqual([]);
  expect(signs.filter((sign) => !unseen.test(sign) && !/[\u200c\u200d]/.test(sign) && visible(sign) !== sign)).toEqual(
    [],
  );
});
