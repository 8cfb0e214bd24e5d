/** A text with one character of class for each code point, so that expressions over categories run on plain characters. */

import { elementAt } from '../../model/elementAt';
import { categoryOf, isHan, LETTER, SPACE } from './characters';

/** Chinese letters and other code points of their blocks, where an expression tells them apart. */
export const HAN_LETTER = 0xd8;
export const HAN_OTHER = 0xd9;

/** Positions are counted in code points. */
export class ClassedText {
  /** ASCII as it is, everything else as its category (unicode.cpp `text_collapsed`). */
  readonly classes: string;
  readonly length: number;
  /** Where each code point begins in `text`; null where all are one unit. */
  private readonly starts: Int32Array | null;

  constructor(readonly text: string) {
    const classes: number[] = [];
    let units = 0;
    for (const character of text) {
      const point = character.codePointAt(0) ?? 0;
      classes.push(point < 128 ? point : categoryOf(point));
      units += character.length;
    }
    this.classes = written(classes);
    this.length = classes.length;
    this.starts = units === classes.length ? null : startsIn(text, classes.length);
  }

  slice(from: number, to: number): string {
    return this.text.slice(this.unitOf(from), this.unitOf(to));
  }

  /** Where a code point begins in `text`. */
  unitOf(position: number): number {
    return this.starts === null ? position : elementAt(this.starts, position);
  }

  /** The text as an expression looks at it: `classes`; those with Chinese characters apart; or the characters, with white space as `\\s` has it. */
  seenAs(view: 'classes' | 'hanClasses' | 'characters'): string {
    if (view === 'classes') return this.classes;
    return view === 'hanClasses' ? this.hanClasses() : this.characters();
  }

  private hanClasses(): string {
    let at = 0;
    const classes: number[] = [];
    for (const character of this.text) {
      const own = this.classes.charCodeAt(at++);
      const han = isHan(character.codePointAt(0) ?? 0);
      classes.push(!han ? own : own === LETTER ? HAN_LETTER : HAN_OTHER);
    }
    return written(classes);
  }

  private characters(): string {
    return this.text.replace(
      /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g,
      String.fromCharCode(SPACE),
    );
  }
}

function written(units: readonly number[]): string {
  let text = '';
  for (let at = 0; at < units.length; at += 8192) text += String.fromCharCode(...units.slice(at, at + 8192));
  return text;
}

function startsIn(text: string, count: number): Int32Array {
  const starts = new Int32Array(count + 1);
  let at = 0;
  let unit = 0;
  for (const character of text) {
    starts[at++] = unit;
    unit += character.length;
  }
  starts[count] = unit;
  return starts;
}
