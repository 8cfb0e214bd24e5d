/** A byte order mark before the text: Python's json refuses it in a file that is read as UTF-8, and transformers reads it so. */

import type { LintContext } from './context';

/** transformers 5.18 configuration_utils.py _dict_from_json_file: open(encoding="utf-8"), json.loads. */
export function lintByteOrderMark(context: LintContext): void {
  if (context.options.byteOrderMark !== true || context.reading.spec.dialect !== 'huggingface') return;
  const range = context.reading.document.rangeOf(0, 1);
  context.reportAt(
    { key: null, range, rule: 'given' },
    'byte-order-mark',
    'error',
    'The file begins with a byte order mark, so transformers cannot load it. Save it as UTF-8 without one.',
  );
}
