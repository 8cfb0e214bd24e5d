/** Whether a model fits on its devices, as a sentence that says why. */

import { formatSize, formatInteger } from '../model/units';
import type { FitReport } from '../serving/fit';
import type { ChosenWeights } from '../serving/weights';

/** "as fp8, chosen; the file says bfloat16": stands beside each number that the choice changes. */
export function chosenText({ format, fileSays }: ChosenWeights): string {
  return `as ${format}, chosen; the file says ${fileSays}`;
}

/** "46.2 GiB to 52.1 GiB"; "none" where there is none at either end. */
export function roomText({ low, high }: FitReport): string {
  if (high.cacheBudgetBytes <= 0) return 'none';
  const from = formatSize(Math.max(0, low.cacheBudgetBytes));
  const to = formatSize(high.cacheBudgetBytes);
  return from === to ? to : `${from} to ${to}`;
}

/**
 * "Fits: the cache takes 2.19 GiB on each device, and 6.22 GiB to 7.12 GiB are left after the weights." and why not otherwise; `from` is the number of
 * devices on which it would fit.
 */
export function verdictSentence(report: FitReport, from: number | null): string {
  const { device, devices, verdict, cacheBytes, high } = report;
  const each = devices === 1 ? '' : report.layers ? ' on the fullest device' : ' on each device';
  const room = roomText(report);
  const needs = `the cache takes ${formatSize(cacheBytes)}${each}`;
  const beside = `${room} ${/ to /.test(room) ? 'are' : 'is'} left after the weights`;
  const more = from === null ? '; more devices do not help' : `; fits from ${formatInteger(from)} × ${device.name} up`;
  switch (verdict) {
    case 'refused':
      return `The engine does not start: it refuses ${report.refused ?? ''}.`;
    case 'fits':
      return `Fits: ${needs}, and ${beside}.`;
    case 'tight':
      return `Tight: ${needs}, and ${beside}, known only as a range${more}.`;
    case 'doesNotFit':
      return high.cacheBudgetBytes <= 0
        ? `Does not fit: the weights alone fill the device${more}.`
        : `Does not fit: ${needs}, but only ${beside}${more}.`;
  }
}

/** "the fullest device has 33 of 64 layers; the numbers are its": where devices have different layers. */
export function layersText({ own, all, head }: NonNullable<FitReport['layers']>): string {
  return `the fullest device has ${formatInteger(own)} of ${formatInteger(all)} layers${head ? ' and the output' : ''}: the numbers are for this device`;
}
