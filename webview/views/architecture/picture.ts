/** Pictures of drawings: of one width wherever they are made, and light or dark as the editor is. */

import { html, type TemplateResult } from 'lit';
import type { Scene } from '../../../src/drawing/scene';
import { figureSvg } from '../../../src/drawing/svg';
import type { Actions } from '../../platform/actions';
import { canvasPng } from '../../platform/canvasPng';

export const PICTURE_WIDTH = 1200;
/** Pixels of a PNG for one of the figure, as `headlight draw` has it. */
const SCALE = 2;
/** Chromium draws on no canvas that is longer. */
const LONGEST = 16_384;
const INSTEAD = 'Save it as SVG instead.';

/** Copy and save, and what came of it. @param scene Null where there is none yet. */
export function pictureActions(actions: Actions, name: string, scene: () => Scene | null): TemplateResult {
  return html`<button class="link" @click=${() => void actions.copy('SVG', () => svgOf(scene()))}>Copy as SVG</button>
    <button class="link" @click=${() => void actions.savePicture(`${name}.svg`, () => svgOf(scene()))}>Save as SVG…</button>
    <button class="link" @click=${() => void actions.savePicture(`${name}.png`, () => pngOf(scene()))}>Save as PNG…</button>
    <span aria-hidden="true">${actions.done}</span>
    <span class="error" role="alert">${actions.problem}</span>`;
}

/** @throws Error where there is no scene yet. */
function svgOf(scene: Scene | null): string {
  if (!scene) throw new Error('Nothing is drawn yet.');
  const light = document.body.dataset['vscodeThemeKind']?.endsWith('light') === true;
  return figureSvg(scene, light ? 'light' : 'dark');
}

/** The SVG, drawn by the browser. */
async function pngOf(scene: Scene | null): Promise<Uint8Array> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgOf(scene))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  const scale = Math.min(SCALE, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
  canvas.width = Math.floor(image.naturalWidth * scale);
  canvas.height = Math.floor(image.naturalHeight * scale);
  const context = canvas.getContext('2d');
  if (!context) throw new Error(`The picture cannot be drawn in this window. ${INSTEAD}`);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvasPng(canvas, INSTEAD);
}
