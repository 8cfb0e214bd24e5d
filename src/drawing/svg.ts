/** A scene as SVG, by itself: colours of a theme written in, fonts named. The same scene gives the same text, to the byte. */

import type { Ink, Part, Scene, Shape } from './scene';

export type FigureTheme = 'light' | 'dark';

type Palette = Readonly<Record<Ink, string>>;

const LIGHT: Palette = {
  paper: '#ffffff',
  text: '#1f2328',
  muted: '#57606a',
  line: '#8c959f',
  card: '#f6f8fa',
  box: '#ffffff',
  norm: '#eaeef2',
  cache: '#fff3c4',
  query: '#6e7781',
  keyValue: '#bf8700',
  expert: '#d0d7de',
  expertUsed: '#0969da',
  changed: '#bf3989',
  memory: '#bc4c00',
  compute: '#0550ae',
  track: '#d8dee4',
  'kind-full': '#1f6feb',
  'kind-sliding': '#2da44e',
  'kind-chunked': '#2da44e',
  'kind-latent': '#8250df',
  'kind-compressed': '#8250df',
  'kind-cross': '#bf8700',
  'kind-recurrent': '#d4642a',
  'kind-conv': '#d4642a',
  'kind-shared': '#1f6feb',
  'kind-none': '#8c959f',
  'kind-unknown': '#cf222e',
};

const DARK: Palette = {
  paper: '#1b1f24',
  text: '#e6edf3',
  muted: '#9ea7b3',
  line: '#6e7681',
  card: '#22272e',
  box: '#2d333b',
  norm: '#373e47',
  cache: '#4d3d0a',
  query: '#adbac7',
  keyValue: '#e3b341',
  expert: '#545d68',
  expertUsed: '#58a6ff',
  changed: '#f778ba',
  memory: '#f0883e',
  compute: '#79c0ff',
  track: '#444c56',
  'kind-full': '#58a6ff',
  'kind-sliding': '#57ab5a',
  'kind-chunked': '#57ab5a',
  'kind-latent': '#b083f0',
  'kind-compressed': '#b083f0',
  'kind-cross': '#e3b341',
  'kind-recurrent': '#f0883e',
  'kind-conv': '#f0883e',
  'kind-shared': '#58a6ff',
  'kind-none': '#768390',
  'kind-unknown': '#f47067',
};

const PALETTES: Readonly<Record<FigureTheme, Palette>> = { light: LIGHT, dark: DARK };

/** Fonts no wider than what the layout reckons with. */
const FONTS = "'DejaVu Sans', Arial, Helvetica, 'Liberation Sans', sans-serif";

export function figureSvg(scene: Scene, theme: FigureTheme): string {
  const palette = PALETTES[theme];
  const { width, height, title, ground, parts } = scene;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONTS}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 7.5 4 0 7.5z" fill="${palette.line}"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="${palette.paper}"/>`,
    ...ground.map((shape) => shapeSvg(shape, palette)),
    ...parts.map((part) => partSvg(part, palette)),
    '</svg>',
    '',
  ].join('\n');
}

function partSvg({ id, says, shapes }: Part, palette: Palette): string {
  return `<g id="${escaped(id)}"><title>${escaped(says)}</title>${shapes.map((shape) => shapeSvg(shape, palette)).join('')}</g>`;
}

function shapeSvg(shape: Shape, palette: Palette): string {
  switch (shape.shape) {
    case 'rect': {
      const { x, y, width, height, radius, fill, stroke, dashed } = shape;
      const line = stroke === null ? '' : ` stroke="${palette[stroke]}"${dashed ? ' stroke-dasharray="4 3"' : ''}`;
      return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill === null ? 'none' : palette[fill]}"${line}/>`;
    }
    case 'text': {
      const { x, y, text, size, bold, ink } = shape;
      return `<text x="${x}" y="${y}" font-size="${size}"${bold ? ' font-weight="bold"' : ''} fill="${palette[ink]}">${escaped(text)}</text>`;
    }
    case 'path': {
      const [first, ...rest] = shape.points;
      const d = `M${first?.join(' ')}${rest.map((point) => `L${point.join(' ')}`).join('')}`;
      return `<path d="${d}" fill="none" stroke="${palette.line}"${shape.arrow ? ' marker-end="url(#arrow)"' : ''}/>`;
    }
    case 'circle': {
      const { x, y, radius, plus } = shape;
      const circle = `<circle cx="${x}" cy="${y}" r="${radius}" fill="${palette.paper}" stroke="${palette.line}"/>`;
      return plus ? `${circle}<path d="M${x - 4} ${y}h8M${x} ${y - 4}v8" stroke="${palette.line}"/>` : circle;
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
