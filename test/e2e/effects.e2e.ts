// What heads do, in a real VS Code: the next token, named heads, what is lost without each, by mouse and by keys.
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, type Keyboard, type Locator } from 'playwright-core';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { thorough } from '../unit/depth';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const TIMEOUT = 30_000;

describe.skipIf(!thorough)('what the heads of the GQA sample do', () => {
  const workbench = useWorkbench();
  let frame: Frame;
  const view = (): ReturnType<Frame['locator']> => frame.locator('headlight-heads-effects');
  const box = (name: string): Locator => view().getByRole('combobox', { name: new RegExp(`^${name}`) });
  /** Nothing runs. */
  const finished = (): Promise<void> =>
    expect.poll(() => view().getByRole('button', { name: 'Cancel' }).count(), { timeout: TIMEOUT }).toBe(0);
  const press = (name: string): Promise<void> => view().getByRole('button', { name, exact: true }).click();

  beforeAll(async () => {
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode, command) => vscode.commands.executeCommand(command).then(() => null),
      'headlight.openPanel',
    );
    const panel = new Panel(workbench().page);
    frame = await panel.document();
    await panel.show('Heads');
    const source = frame.locator('headlight-heads select').first();
    await source.waitFor({ timeout: TIMEOUT });
    const sample = await source.locator('option', { hasText: 'GQA' }).getAttribute('value');
    await source.selectOption(sample ?? '');
    await frame.getByRole('button', { name: 'Run', exact: true }).click({ timeout: TIMEOUT });
    await frame.getByRole('button', { name: 'Effects', exact: true }).click({ timeout: TIMEOUT });
  });

  test('is the next token, after every layer, and token by token on a growing cache', async () => {
    // The page remembers which question was asked last.
    await press('Next token');
    await expect.poll(() => view().locator('.bars').innerText(), { timeout: TIMEOUT }).toMatch(/^␣blue\s/);
    await expect
      .poll(() =>
        view()
          .getByRole('row', { name: /^layer 3 / })
          .innerText(),
      )
      .toContain('␣blue');
    await press('One token');
    await view().getByText('K and V of 0 tokens read, 10 new').waitFor({ timeout: TIMEOUT });
    await press('One token');
    await view().getByText('K and V of 10 tokens read, 1 new').waitFor({ timeout: TIMEOUT });
  });

  test('has names, with what they were measured by', async () => {
    await press('Named heads');
    await press('Find on repeated random words');
    await expect
      .poll(() => view().getByRole('region', { name: 'Named heads' }).innerText(), { timeout: TIMEOUT })
      .toMatch(/Induction heads ≥ 0\.4[\s\S]*layer 3 head 7\s+0\.\d\d/);
  });

  test('is what is lost without it, in the ways that it can be lost, and leads to its pattern', async () => {
    await press('Ablate');
    const plot = view().locator('headlight-heatmap .plot');
    await press('Ablate every head');
    await finished();
    await box('what').selectOption({ label: 'attention and MLPs' });
    await box('replace by').selectOption({ label: 'mean over the prompt' });
    await view().getByText('From before your change.').waitFor();
    await press('Ablate attention and MLPs');
    await finished();
    await view().getByText('replaced by its mean over the prompt').waitFor();
    await view()
      .getByRole('rowheader', { name: /^layer \d MLP$/ })
      .first()
      .waitFor();
    // The heads are still there, and come back without another run.
    await box('what').selectOption({ label: 'heads and groups' });
    await box('replace by').selectOption({ label: 'zero' });
    await expect.poll(() => view().getByText('From before your change.').count()).toBe(0);
    await plot.focus();
    await frame.page().keyboard.press('ArrowRight');
    await expect
      .poll(() => view().locator('headlight-heatmap .readout').innerText())
      .toMatch(/^layer \d head \d KL [\d.]+ nats, Δ loss .* KL of its group [\d.]+$/);
    await workbench().screenshot('heads-effects');
    await frame.page().keyboard.press('Enter');
    await frame.locator('headlight-heads-patterns').waitFor({ timeout: TIMEOUT });
    await frame.getByRole('button', { name: 'Effects', exact: true }).click();
  });

  // No pointer from here on: Tab, arrows, Enter and what is typed.
  describe('by keys alone', () => {
    const keyboard = (): Keyboard => workbench().page.keyboard;
    /** What a screen reader would call what has the focus. */
    const focused = (): Promise<string> =>
      frame.evaluate(() => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const host = at?.getRootNode();
        const named = host instanceof ShadowRoot && host.host.localName === 'vscode-button' ? host.host : at;
        const label = named?.closest('label');
        const own = label ? [...label.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE) : [];
        const text = label ? own.map(({ textContent }) => textContent).join('') : named?.textContent;
        return (named?.getAttribute('aria-label') ?? text ?? '').trim();
      });
    /** The way that a person goes: step by step, forwards or back. */
    const reach = async (label: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> => {
      const passed: string[] = [];
      for (let step = 0; step < 60; step++) {
        const at = await focused();
        if (typeof label === 'string' ? at === label : label.test(at)) return;
        passed.push(at);
        await keyboard().press(key);
      }
      throw new Error(`${key} does not reach ${String(label)}; it passed ${passed.join(' | ')}`);
    };
    const enter = async (label: string): Promise<void> => {
      await reach(label);
      await keyboard().press('Enter');
      await finished();
    };
    /** In place of what stands there. Select-all is a command of VS Code, which keys that follow overtake. */
    const type = async (label: string, text: string): Promise<void> => {
      await reach(label);
      await keyboard().press('Home');
      await keyboard().press('Shift+End');
      await keyboard().press('Delete');
      await keyboard().type(text);
    };
    const open = async (part: string): Promise<void> => {
      await reach(part, 'Shift+Tab');
      await keyboard().press('Enter');
      await view().getByRole('button', { name: part, exact: true, pressed: true }).waitFor();
    };
    const shows = (text: string | RegExp): Promise<void> =>
      view().getByText(text).filter({ visible: true }).first().waitFor({ timeout: TIMEOUT });
    /** What is shown, as the file that it is exported to. */
    const exported = async (name: RegExp): Promise<string> => {
      await reach('Export View…');
      await keyboard().press('Enter');
      const target = join(mkdtempSync(join(inject('folder'), 'exported-')), 'view.html');
      await workbench().saveAs(target, name);
      // The dialog had the focus; who was asked is back where they were.
      await expect.poll(focused).toBe('Export View…');
      await expect.poll(() => readFileSync(target, 'utf8')).toMatch(/<\/html>\s*$/);
      return readFileSync(target, 'utf8');
    };
    /** A map is read by arrows. */
    const reads = async (name: RegExp, said: RegExp): Promise<void> => {
      await reach(name);
      await keyboard().press('ArrowRight');
      await keyboard().press('ArrowDown');
      await expect
        .poll(() =>
          view()
            .locator('headlight-heatmap')
            .filter({ has: frame.locator('.plot:focus') })
            .locator('.readout')
            .innerText(),
        )
        .toMatch(said);
    };

    test('is the next token, and those that follow', async () => {
      await view().getByRole('button', { name: 'Ablate', exact: true }).focus();
      await open('Next token');
      await view().locator('.bars').waitFor({ timeout: TIMEOUT });
      await reach('after');
      const before = await view().locator('.bars').innerText();
      await keyboard().press('ArrowUp');
      await expect.poll(() => view().locator('.bars').innerText()).not.toBe(before);
      await type('rank of', ' red');
      await enter('Rank');
      await shows(/^Your token:/);
      await reads(/^Logit lens/, /%/);
      await enter('One token');
      await shows(/tokens read, 1 new/);
    });

    test('is the heads that have names', async () => {
      await open('Named heads');
      await enter('Find in this prompt');
      await shows(/^On the prompt’s \d+ tokens/);
      await enter('Find on repeated random words');
      await shows(/^On 14 random words, repeated/);
      await reach('layer 3 head 7');
    });

    test('is what changes without a head, without many, and the logit of a token', async () => {
      await open('Ablate');
      await reach('replace by');
      await keyboard().press('ArrowDown');
      await type('logit of', ' red');
      await enter('Ablate every head');
      await shows('replaced by its mean over the prompt');
      await reach('shown');
      await keyboard().press('End');
      await shows('change of the logit of “ red”');
      await reads(/^Effect of each place/, /^layer \d head \d KL [\d.]+ nats, Δ loss .*, Δ logit [+−]/);
      await type('places', '3.7 2.group0');
      await enter('Ablate these');
      await shows(/^Without 3\.7, 2\.group0/);
      const html = await exported(/ablate.*\.html$/);
      const bars = [...html.matchAll(/<i class="bar" style="width:([\d.]+)%">/g)].map(([, share]) => Number(share));
      // Ten before, falling, and ten after.
      expect(bars).toHaveLength(20);
      expect(bars.slice(0, 10)).toEqual(bars.slice(0, 10).toSorted((a, b) => b - a));
      expect(Math.max(...bars)).toBeGreaterThan(2 * Math.min(...bars));
      expect(html).toContain('<span class="asked">places <strong>3.7 2.group0</strong></span>');
      // What lays the page's source out is not shown.
      expect(html).not.toMatch(/[\u2400-\u241f]/);
    });

    test('is who wrote a lead, and from which tokens, as a file of its own', async () => {
      await open('Attribution');
      await type('logit of', ' blue');
      await type('minus', ' red');
      await enter('Attribute');
      await shows('the parts sum to');
      await shows('logit difference, ␣blue − ␣red');
      await reads(/^What each head adds/, /^[+−][\d.]+ layer \d head \d/);
      await reads(/^What each head takes/, /^[+−][\d.]+ layer \d head \d from /);
      const html = await exported(/attribution.*\.html$/);
      expect(html).toMatch(/the parts sum to [\d.]+/);
      expect(html).toMatch(/<img alt="What each head adds to the logit" width="\d+" src="data:image\/png;base64,/);
      // Heads of four layers, in the table of the picture; nothing to press, nothing to load.
      expect(html.match(/<th>L[0-3]<\/th>/g)).toHaveLength(4);
      expect(html).not.toMatch(/<(?:script|button|vscode-|link|iframe)|(?:src|href)="(?!data:)/);
    });

    test('is what brings a corrupted prompt back', async () => {
      await open('Patch');
      const prompt = await frame.locator('headlight-heads textarea[aria-label="Prompt"]').inputValue();
      await type('Corrupted prompt', prompt.replace(' red', ' green'));
      await type('logit of', '');
      await type('minus', '');
      await enter('Patch every head');
      await shows(/^Recovered/);
      await reads(/^Recovery by each place/, /^[+−][\d.]+ layer \d head \d/);
      await reach('what', 'Shift+Tab');
      await keyboard().press('End');
      await enter('Patch the residual');
      await reads(/^Recovery by each place/, / what enters layer \d at /);
    });

    test('is what a head could read of others, and designs beside each other', async () => {
      await open('Composition');
      await type('head', '7');
      await enter('Measure');
      await shows('of each earlier head, through its keys');
      await reads(/^Composition with layer 3 head 7/, /^[\d.]+ layer \d head \d/);
      await reach('Designs', 'Shift+Tab');
      await keyboard().press('Enter');
      await enter('This model alone');
      await shows('a head against its group');
      await reach('All layers');
    });
  });
});
