import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { hostStrings, type SourceText } from '../../../tools/l10n/strings';

const root = resolve(import.meta.dirname, '../../..');

function sources(): SourceText[] {
  const files = readdirSync(join(root, 'src', 'editor'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return ['src/extension.web.ts', ...files.map((name) => `src/editor/${name.replaceAll('\\', '/')}`)].map((file) => ({
    file,
    text: readFileSync(join(root, file), 'utf8'),
  }));
}

describe('strings for translators', () => {
  it('are all that people see of the editor, and the bundle has them (node tools/l10n/write.mjs)', () => {
    const { messages, problems } = hostStrings(ts, sources());
    expect(problems).toEqual([]);
    const bundle = JSON.parse(readFileSync(join(root, 'l10n', 'bundle.l10n.json'), 'utf8')) as Record<string, string>;
    expect(bundle).toEqual(Object.fromEntries(messages.map((message) => [message, message])));
    const { l10n } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { l10n?: string };
    expect(l10n).toBe('./l10n');
  });

  it('are missed where one is written without l10n.t', () => {
    const text =
      "window.showInformationMessage('Open a folder');\nconst item = { label: 'Tokens', value: 'Tokens' };\nl10n.t(`x ${y}`);\nl10n.t('Fine {0}', name);\nlog.info('not shown');";
    const { messages, problems } = hostStrings(ts, [{ file: 'src/editor/x.ts', text }]);
    expect(messages).toEqual(['Fine {0}']);
    expect(problems).toEqual([
      'src/editor/x.ts:1: not for translators: Open a folder',
      'src/editor/x.ts:2: not for translators: Tokens',
      'src/editor/x.ts:3: l10n.t takes a literal',
    ]);
  });
});
