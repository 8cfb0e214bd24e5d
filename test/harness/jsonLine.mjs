/**
 * A value as one line of JSON. U+2028 and U+2029 end a line for `readline` from Node 24 on, and JSON leaves them as they are.
 * @param {unknown} value
 */
export function jsonLine(value) {
  const escaped = JSON.stringify(value).replace(/[\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`);
  return `${escaped}\n`;
}
