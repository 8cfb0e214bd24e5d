/** The workflows: what they run is there, and nothing of an event or an input is read as a command. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { TARGETS } from '../../../scripts/vsix.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');
const FOLDER = '.github/workflows';

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<
    Record<string, { readonly needs?: string | string[]; readonly uses?: string; readonly steps?: readonly Step[] }>
  >;
}

const workflow = (name: string): Workflow => parse(readFileSync(join(ROOT, FOLDER, name), 'utf8')) as Workflow;
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

it('has these workflows', () => expect(readdirSync(join(ROOT, FOLDER)).sort()).toEqual(['ci.yml', 'release.yml']));

describe.each(['ci.yml', 'release.yml'])('%s', (name) => {
  const { permissions, jobs } = workflow(name);
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);

  it('may read, and no more unless a job says so', () => {
    expect(permissions).toEqual({ contents: 'read' });
  });

  it('runs what is there, with what comes from outside in variables alone', () => {
    expect(steps.filter(({ run }) => run !== undefined).length).toBeGreaterThan(0);
    for (const { run = '' } of steps) {
      expect(run).not.toContain('${{');
      for (const [, script = ''] of run.matchAll(/npm run (?:-s )?([\w:-]+)/g))
        expect(Object.keys(scripts)).toContain(script);
      for (const [, file = ''] of run.matchAll(/^(\.[\w./-]+)$/gm))
        expect(existsSync(join(ROOT, file)), file).toBe(true);
    }
    for (const { uses } of Object.values(jobs)) if (uses !== undefined) expect(existsSync(join(ROOT, uses))).toBe(true);
  });
});

describe('a release', () => {
  it('packs every target, and is published after the tests, where there is a token', () => {
    expect(TARGETS).toContain('universal');
    const { jobs } = workflow('release.yml');
    expect(jobs['package']?.steps?.map(({ run }) => run)).toContain('npm run vsix -- all $CHANNEL');
    expect([jobs['release']?.needs, jobs['publish']?.needs]).toEqual([
      ['package', 'test'],
      ['package', 'release'],
    ]);
    const publish = jobs['publish']?.steps?.find(({ env }) => env?.['VSCE_PAT'] !== undefined);
    expect(publish?.run).toMatch(/^if \[ -z "\$VSCE_PAT\$OVSX_PAT" \]; then\n.*\n {2}exit 0\nfi/);
    // Each tool is given its own token alone.
    expect(publish?.env?.['VSCE_PAT']).toContain("matrix.secret == 'VSCE_PAT' && secrets.VSCE_PAT");
    expect(publish?.env?.['OVSX_PAT']).toContain("matrix.secret == 'OVSX_PAT' && secrets.OVSX_PAT");
  });
});
