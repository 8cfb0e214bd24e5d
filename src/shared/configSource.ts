/** A config as it is handed to the compute process: its text, and the families that the user taught. */

import { MAX_CONFIG_CHARACTERS } from '../config/document';
import type { TaughtFamilies } from '../config/taught';
import { object, optional, record, text } from './validate';

export interface ConfigSource {
  readonly text: string;
  /** Default: none. */
  readonly families?: TaughtFamilies;
}

const name = text(200);
const names = record(name, 1000);

/** The fields of a `ConfigSource`, for the validators of what holds one. */
export const CONFIG_SOURCE = {
  text: text(MAX_CONFIG_CHARACTERS),
  families: optional(
    record(object({ like: optional(name), keys: optional(names), layerKinds: optional(names) }), 1000),
  ),
};
