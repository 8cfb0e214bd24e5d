import type { ReactiveControllerHost } from 'lit';

/**
 * Tells an element how wide it is while it is in the page: in whole CSS pixels, before the first frame that shows it and whenever it, or
 * (zooming) a pixel of the screen, changes.
 */
export function followWidth(element: ReactiveControllerHost & Element, changed: (pixels: number) => void): void {
  const observer = new ResizeObserver(([entry]) => changed(Math.floor(entry?.contentRect.width ?? 0)));
  element.addController({
    hostConnected: () => observer.observe(element, { box: 'device-pixel-content-box' }),
    hostDisconnected: () => observer.disconnect(),
  });
}
