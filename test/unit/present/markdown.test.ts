import { describe, expect, it } from 'vitest';
import { codeSpan, md, table } from '../../../src/present/markdown';

describe('text in Markdown', () => {
  it.each([
    '4.5 GiB (4.83 GB)',
    'GQA · 32 query heads in 8 groups of 4',
    '+1.07 B',
    '÷ 4',
    'fp8_ds_mla',
    'estimated: 3 × 2 bytes',
    '2 - 1 = 1',
    '1 & 2',
    'min(tokens, window 4096)!',
  ])('leaves %s as it is', (text) => {
    expect(md`${text}`.source).toBe(text);
  });

  it.each([
    ['*a* `b` [c](d) ![e](f)', '\\*a\\* \\`b\\` \\[c\\]\\(d) !\\[e\\]\\(f)'],
    ['<b> &lt; &#60;', '&lt;b\\> &amp;lt; &amp;#60;'],
    ['_a_ __b__ a_b', '\\_a\\_ \\_\\_b\\_\\_ a_b'],
    ['https://x.y www.x.y a@b.c', 'https\\://x.y www\\.x.y a\\@b.c'],
    ['# a', '\\# a'],
    ['- a', '\\- a'],
    ['---', '\\---'],
    ['1. a', '1\\. a'],
    ['a | b $c$ ~~d~~', 'a \\| b \\$c\\$ \\~\\~d\\~\\~'],
    ['a\\', 'a\\\\'],
    ['a\n# b', 'a␊# b'],
  ])('escapes %s', (text, escaped) => {
    expect(md`${text}`.source).toBe(escaped);
  });

  it('a table is one in the source, too', () => {
    const text = table(
      ['a', 'bb'],
      [
        ['x', '1'],
        ['longer', '10,000'],
      ],
      ['left', 'right'],
    ).source;
    expect(text).toBe(
      ['| a      |     bb |', '| :----- | -----: |', '| x      |      1 |', '| longer | 10,000 |'].join('\n'),
    );
    const [header, rule, row] = table(['a'], [['y'.repeat(200)]]).source.split('\n');
    expect([header, rule, row?.length]).toEqual(['| a   |', '| :-- |', 124]);
  });

  it('a code span cannot be left', () => {
    expect(codeSpan('a`b|c\nd').source).toBe("`a'b\\|c␊d`");
    // In a table two backslashes would let the pipe end the cell.
    expect(codeSpan('a\\|b').source).toBe('`a\\ \\|b`');
    expect(codeSpan(' ').source).toBe('');
  });
});
