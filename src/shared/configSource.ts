/** A config as it is handed to the compute process. */

import * as v from 'valibot';
import { MAX_CONFIG_CHARACTERS } from '../config/textCost';
import { plain, record, text } from './schema';

const name = text(200);
const names = record(name, 1000);

/** Its text, and the families that the user taught (default: none). */
export const configSource = v.strictObject({
  text: text(MAX_CONFIG_CHARACTERS),
  families: v.exactOptional(
    record(
      v.pipe(
        plain,
        v.strictObject({
          like: v.exactOptional(name),
          keys: v.exactOptional(names),
          layerKinds: v.exactOptional(names),
        }),
      ),
      1000,
    ),
  ),
});
export type ConfigSource = Readonly<v.InferOutput<typeof configSource>>;
