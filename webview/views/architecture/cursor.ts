/** The line of the cursor in the page: what it came to is brought into sight. */

import type { LitElement } from 'lit';
import { prefersCalm } from '../../platform/motion';

/** What the page's tabs cover. */
export const TABS_HEIGHT = 40;

export function figuresIn(root: ParentNode): readonly LitElement[] {
  return [...root.querySelectorAll<LitElement>('headlight-figure')];
}

/** @param root Has figures, and headings of closed blocks that have lit parts. */
export async function showLit(root: ParentNode): Promise<void> {
  // What the reader looks at in the page stays where it is.
  if (document.hasFocus()) return;
  const figures = figuresIn(root).filter((figure) => figure.closest('[inert]') === null);
  await Promise.all(figures.map((figure) => figure.updateComplete));
  const lit = [
    ...figures.flatMap((figure) => [...figure.renderRoot.querySelectorAll('.part.lit')]),
    ...root.querySelectorAll('section.lit h2'),
  ];
  const inSight = (element: Element): boolean => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > TABS_HEIGHT && top < window.innerHeight;
  };
  if (!lit.some(inSight)) lit[0]?.scrollIntoView({ block: 'nearest', behavior: prefersCalm() ? 'instant' : 'smooth' });
}
