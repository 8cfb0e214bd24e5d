/**
 * A canvas that stays sharp and stays there: its element is asked to draw again when its size in device pixels, the theme or the
 * screen changes, and when the browser took its context away (a crashed graphics process) and gave it back.
 */

import type { LitElement, ReactiveController } from 'lit';
import { onThemeChange } from './theme';

export interface Surface {
  /** Device pixels that the element's box has. */
  readonly width: number;
  readonly ratio: number;
}

export class SurfaceController implements ReactiveController {
  private observer: ResizeObserver | undefined;
  private stopTheme: (() => void) | undefined;
  private screen: MediaQueryList | undefined;
  private cssWidth = 0;

  /**
   * @param host Its `model` is drawn again when its size or the screen is another.
   * @param redraw The theme changed, or a context came back: nothing that was drawn or read of the theme holds.
   */
  constructor(
    private readonly host: LitElement,
    private readonly redraw: () => void,
    private readonly box: () => Element | null = () => host,
  ) {
    host.addController(this);
  }

  /** Null until the box has a size. */
  get surface(): Surface | null {
    const ratio = window.devicePixelRatio || 1;
    return this.cssWidth > 0 ? { width: Math.floor(this.cssWidth * ratio), ratio } : null;
  }

  hostConnected(): void {
    this.stopTheme = onThemeChange(this.redraw);
    this.watchScreen();
  }

  hostUpdated(): void {
    if (this.observer !== undefined) return;
    const box = this.box();
    if (box === null) return;
    this.observer = new ResizeObserver(([entry]) => this.resized(entry?.contentRect.width ?? 0));
    this.observer.observe(box);
    this.resized(box.getBoundingClientRect().width);
  }

  hostDisconnected(): void {
    this.observer?.disconnect();
    this.observer = undefined;
    this.stopTheme?.();
    this.screen?.removeEventListener('change', this.moved);
  }

  private resized(width: number): void {
    if (Math.abs(width - this.cssWidth) < 0.5) return;
    this.cssWidth = width;
    this.host.requestUpdate('model');
  }

  private watchScreen(): void {
    this.screen?.removeEventListener('change', this.moved);
    this.screen = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    this.screen.addEventListener('change', this.moved);
  }

  private readonly moved = (): void => {
    this.watchScreen();
    this.host.requestUpdate('model');
  };
}

/** Gives a canvas its size in device pixels, and draws again when its context was lost and came back. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  ratio: number,
  restored: () => void,
): CanvasRenderingContext2D | null {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.style.width = `${width / ratio}px`;
  canvas.style.height = `${height / ratio}px`;
  canvas.oncontextrestored = restored;
  // What is drawn comes from numbers and goes there by whole images: memory of the processor's is the fast kind here.
  return canvas.getContext('2d', { willReadFrequently: true });
}

/** The pixels of an image, one number each. */
export function pixelsOf(image: ImageData): Uint32Array {
  return new Uint32Array(image.data.buffer);
}
