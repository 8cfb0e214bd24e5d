// Pictures of heads in the panel, as their pixels.
import { type Locator } from 'playwright-core';

export interface HeadPicture {
  readonly group: number;
  readonly hash: number;
  readonly colours: number;
}

/** Each of an element's canvases: a hash of its pixels, how many colours it has, and what its data attributes say. */
export function headPictures(element: Locator): Promise<HeadPicture[]> {
  return element.evaluate((host) =>
    [...(host.shadowRoot?.querySelectorAll('canvas') ?? [])].map((canvas) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      let hash = 0;
      const colours = new Set<number>();
      for (let i = 0; i < data.length; i += 4) {
        const colour = ((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0);
        colours.add(colour);
        hash = (Math.imul(hash, 31) + colour) | 0;
      }
      return { group: Number(canvas.dataset['group']), hash, colours: colours.size };
    }),
  );
}
