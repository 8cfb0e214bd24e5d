// Rendered results: Markdown previews, each a frame of its own.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What the pages in sight say: a line for a paragraph or a row of a table. */
export async function pageText(page: Page): Promise<string> {
  const texts = await Promise.all(
    page
      .frames()
      .map((frame) =>
        frame.evaluate(() => document.querySelector<HTMLElement>('.markdown-body')?.innerText ?? '').catch(() => ''),
      ),
  );
  return texts.join('\n');
}

/** Waits until a page says it. */
export async function untilPageSays(page: Page, what: RegExp, timeout = 30_000): Promise<void> {
  await expect.poll(() => pageText(page), { timeout }).toMatch(what);
}

/** The texts in the pictures of pages that are in sight and drawn. */
export async function pictureTexts(page: Page): Promise<readonly string[]> {
  const found = await Promise.all(
    page
      .frames()
      .map((frame) =>
        frame
          .evaluate(() =>
            [...document.querySelectorAll<SVGTextElement>('.markdown-body figure svg text')]
              .filter((text) => text.getBoundingClientRect().height > 0)
              .map(({ textContent }) => textContent ?? ''),
          )
          .catch(() => []),
      ),
  );
  return found.flat();
}
