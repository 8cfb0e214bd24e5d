import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { textsOfCode, textsOfJson } from '../../../scripts/textList';

const textsOf = (code: string): readonly string[] => textsOfCode(ts, 'a.ts', code).map(({ text }) => text);

describe('the list of texts', () => {
  it('has literals and templates of words, with gaps for values, at their line', () => {
    expect(textsOfCode(ts, 'a.ts', 'const a = 1;\nsay(`room for ${a} tokens`, l10n.t("Open"));')).toEqual([
      { place: 'a.ts:2', text: 'room for … tokens' },
      { place: 'a.ts:2', text: 'Open' },
    ]);
  });

  it('has what stands between tags and in spoken attributes, and looks into the gaps', () => {
    expect(textsOf("html`<p class='x y' title='A hint'>Two words ${ok ? 'not so here' : nothing}</p>`")).toEqual([
      'Two words …',
      'A hint',
      'not so here',
    ]);
  });

  it('leaves out imports, types, sources and style', () => {
    expect(
      textsOf("import a from 'some file'; type B = 'two words'; const c = { cite: 'a long source' }; css`a b c`"),
    ).toEqual([]);
  });

  it('has titles and descriptions of JSON, and every text of the translators’ file', () => {
    const json = '{\n "type": "a b",\n "description": "What it is."\n}';
    expect(textsOfJson('package.json', json)).toEqual([{ place: 'package.json:3', text: 'What it is.' }]);
    expect(textsOfJson('package.nls.json', '"x": "Open Panel",').map(({ text }) => text)).toEqual(['Open Panel']);
  });
});
