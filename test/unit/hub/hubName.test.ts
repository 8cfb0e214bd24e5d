import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hubNameText, isHubName, parseHubName } from '../../../src/hub/hubName';

describe('names on the Hub', () => {
  test.each([
    ['hf:meta-llama/Meta-Llama-3-8B', 'meta-llama/Meta-Llama-3-8B', null, ''],
    ['hf://meta-llama/Meta-Llama-3-8B', 'meta-llama/Meta-Llama-3-8B', null, ''],
    ['hf:gpt2', 'gpt2', null, ''],
    ['hf:org/name@v1.0', 'org/name', 'v1.0', ''],
    ['hf:org/name/sub/config.json', 'org/name', null, 'sub/config.json'],
    ['hf:org/name@main/sub/config.json', 'org/name', 'main', 'sub/config.json'],
    ['hf:org/name@refs/pr/12/config.json', 'org/name', 'refs/pr/12', 'config.json'],
    ['hf:org/name@refs%2Fpr%2F12/config.json', 'org/name', 'refs/pr/12', 'config.json'],
    ['hf:org/name@feature%2Fx', 'org/name', 'feature/x', ''],
    ['hf:org/name/', 'org/name', null, ''],
  ])('%s', (text, repo, revision, path) => {
    expect(isHubName(text)).toBe(true);
    const name = parseHubName(text);
    expect(name).toEqual({ repo, revision, path });
    expect(parseHubName(hubNameText(name))).toEqual(name);
  });

  test.each([
    'hf:',
    'hf:/',
    'hf:..',
    'hf:../x',
    'hf:org/../etc',
    'hf:org/name/../../x',
    'hf:org/name/./x',
    'hf:org/name/a\\b',
    'hf:org/name/c:d',
    'hf:org/na--me',
    'hf:org/name.git',
    'hf:-org/name',
    'hf:org/name@',
    'hf:org/name@..',
    'hf:org/name@a b',
    'hf:org/name@a?b',
    `hf:org/${'x'.repeat(97)}`,
    'hf:org/na\u202eme',
  ])('%j is refused', (text) => {
    expect(() => parseHubName(text)).toThrow(/Hub|revision|repository/);
  });

  test('is a PATH only with its scheme', () => {
    expect(isHubName('org/name')).toBe(false);
    expect(isHubName('./hf:x')).toBe(false);
  });

  test('whatever is taken leads nowhere but into the repository', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '/', '@', '-', '\\', ':', '%2F', '..', ' ', '?') }),
        (rest) => {
          let name;
          try {
            name = parseHubName(`hf:${rest}`);
          } catch {
            return;
          }
          const address = new URL(
            `https://hub.test/${name.repo}/resolve/${encodeURIComponent(name.revision ?? 'main')}/${name.path}`,
          );
          expect(address.pathname.startsWith(`/${name.repo}/resolve/`)).toBe(true);
          expect(address.search + address.hash).toBe('');
        },
      ),
    );
  });
});
