/** A canvas as the bytes of a PNG. */

/**
 * @param instead What to do where that fails.
 * @throws Error
 */
export async function canvasPng(canvas: HTMLCanvasElement, instead: string): Promise<Uint8Array> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error(`The picture could not be saved as PNG. ${instead}`);
  return new Uint8Array(await blob.arrayBuffer());
}
