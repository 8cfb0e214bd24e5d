/** What models of DeepSeek-V3's line have beside their shapes, for those whose blocks are not described. */

import type { ConfigReader } from '../../config/reader';
import type { RouterWords } from '../facets';
import { ropeParameters, yarnSharpening } from './rotary';

/** Experts are chosen in the best groups only, where there are several. */
export function expertGroups(config: ConfigReader): NonNullable<RouterWords['groups']> | null {
  const count = config.sizeOr('n_group', null) ?? 1;
  return count > 1 ? { count, top: config.size('topk_group') } : null;
}

/** 1 ÷ √ of a head's width, sharpened where YaRN does so. */
export function v3Scale(config: ConfigReader): number {
  const width = config.size('qk_nope_head_dim') + config.size('qk_rope_head_dim');
  return width ** -0.5 * yarnSharpening(ropeParameters(config, undefined));
}
