/** How the page reads a config: as the host does, with what the user taught and with the file that lies beside it. */

import { ConfigDocument } from '../../src/config/document';
import type { ReadOptions } from '../../src/reading/read';
import { parseTaughtFamilies } from '../../src/reading/taught';
import type { PanelConfig, PanelSettings } from '../../src/shared/panelContract';

export function readOptions(
  { quantText }: Pick<PanelConfig, 'quantText'>,
  settings: PanelSettings | null,
): ReadOptions {
  const { families } = parseTaughtFamilies(settings?.families);
  return { families, ...(quantText === undefined ? {} : { quantFile: ConfigDocument.parse(quantText) }) };
}
