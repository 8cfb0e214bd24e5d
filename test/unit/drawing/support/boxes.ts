import type { Box, LayerDrawing } from '../../../../src/drawing/box';

/** All boxes of a layer, placed or not. */
export function boxesOf({ branches, unplaced }: LayerDrawing): readonly Box[] {
  return [...branches.flatMap(({ rows, onStream }) => [...rows.flat(), ...(onStream ? [onStream] : [])]), ...unplaced];
}
