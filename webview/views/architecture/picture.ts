/** Pictures of drawings: of one width wherever they are made, and light or dark as the editor is. */

import type { Scene } from '../../../src/drawing/scene';
import { figureSvg } from '../../../src/drawing/svg';

export const PICTURE_WIDTH = 1200;

/** @throws Error where there is no scene yet. */
export function pictureOf(scene: Scene | null): string {
  if (!scene) throw new Error('Nothing is drawn yet.');
  const light = document.body.dataset['vscodeThemeKind']?.endsWith('light') === true;
  return figureSvg(scene, light ? 'light' : 'dark');
}
