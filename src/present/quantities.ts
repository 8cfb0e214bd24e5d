/** Counts, operations and times as text, in decimal steps of a thousand. Sizes in bytes: `src/model/units.ts`. */

import { elementAt } from '../model/elementAt';

const COUNTS = ['', ' K', ' M', ' B', ' T', ' Q'] as const;
const FLOPS = ['FLOP', 'KFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP', 'EFLOP'] as const;
const TIMES = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
] as const;

/** 8030261248 -> "8.03 B". */
export function formatCount(value: number): string {
  const [text, step] = thousands(value, COUNTS.length);
  return `${text}${elementAt(COUNTS, step)}`;
}

/** A difference: "+1.07 B", "−33.6 M", "same". */
export function formatDelta(value: number): string {
  if (value === 0) return 'same';
  return `${value > 0 ? '+' : '−'}${formatCount(Math.abs(value))}`;
}

/** 2684354560 -> "2.68 GFLOP". */
export function formatFlops(value: number): string {
  const [text, step] = thousands(value, FLOPS.length);
  return `${text} ${elementAt(FLOPS, step)}`;
}

/** 0.0046 -> "4.6 ms". */
export function formatSeconds(seconds: number): string {
  const [size, unit] = TIMES.find(([least]) => seconds >= least) ?? [1e-6, 'µs'];
  return `${significant(seconds / size)} ${unit}`;
}

function thousands(value: number, steps: number): [string, number] {
  let rest = value;
  let step = 0;
  while (Math.abs(rest) >= 999.5 && step < steps - 1) {
    rest /= 1000;
    step++;
  }
  return [significant(rest), step];
}

/** Three significant digits at most, no trailing zeros. */
function significant(value: number): string {
  const magnitude = Math.abs(value);
  const text = value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
