/** A question of a flow as a QuickPick: steps in the title, a back button, what was chosen last time on top. */

import { type Disposable, l10n, type QuickPickItem, QuickInputButtons, QuickPickItemKind } from 'vscode';
import { parseTypedCount, TYPED_COUNTS } from '../../model/typedCount';
import { createField, createPicker } from '../sinks';
import { BACK, type Place } from './flow';

export interface Choice<T> extends QuickPickItem {
  /** Absent in separators. */
  readonly value?: T;
}

export interface Question<T> {
  readonly title: string;
  readonly placeholder: string;
  readonly place: Place;
  /** In parts where some take longer; each replaces the list before. */
  readonly choices: readonly Choice<T>[] | AsyncIterable<readonly Choice<T>[]>;
  /** What is active at first, or picked where several may be. */
  readonly before?: (value: T) => boolean;
  /** A choice made of what was typed, shown below the others, or the listed one of its value; without a value it says what is wrong. */
  readonly typed?: (text: string) => Choice<T> | null;
}

/** For questions whose answer may be any number. */
export function typedCount(choice: (value: number) => Choice<number>): (text: string) => Choice<number> | null {
  return (text) => {
    if (text.trim() === '') return null;
    const value = parseTypedCount(text);
    return value === null
      ? { label: l10n.t('This number cannot be used'), detail: l10n.t('Type it as {0}.', TYPED_COUNTS) }
      : choice(value);
  };
}

export function separator<T>(label: string): Choice<T> {
  return { label, kind: QuickPickItemKind.Separator };
}

/** One of the choices. */
export function pickOne<T>(question: Question<T>): Promise<T | typeof BACK | undefined> {
  return show(question, false, ([first]) => first);
}

/** Any number of them, at least one. */
export function pickMany<T>(question: Question<T>): Promise<readonly T[] | typeof BACK | undefined> {
  return show(question, true, (values) => (values.length > 0 ? values : undefined));
}

async function show<T, R>(
  question: Question<T>,
  many: boolean,
  resultOf: (values: readonly T[]) => R | undefined,
): Promise<R | typeof BACK | undefined> {
  const { title, placeholder, place, choices, before, typed } = question;
  const shown = createPicker<Choice<T>>(title, placeholder);
  const picker = shown.widget;
  const owned: Disposable[] = [shown];
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.canSelectMany = many;
  picker.ignoreFocusOut = true;
  if (place.steps > 1) [picker.step, picker.totalSteps] = [place.step, place.steps];
  if (place.step > 1) picker.buttons = [QuickInputButtons.Back];
  let listed: readonly Choice<T>[] = [];
  let touched = false;
  let closed = false;
  const list = (items: readonly Choice<T>[]): void => {
    const selected = picker.selectedItems.map(({ value }) => value);
    listed = shown.list(items);
    const was = ({ value }: Choice<T>): boolean =>
      value !== undefined && (touched ? selected.includes(value) : (before?.(value) ?? false));
    const chosen = listed.filter(was);
    if (many) picker.selectedItems = chosen;
    // An empty list would leave nothing for Enter.
    else if (chosen.length > 0) picker.activeItems = chosen.slice(0, 1);
  };
  try {
    return await new Promise<R | typeof BACK | undefined>((resolve) => {
      owned.push(
        picker.onDidTriggerButton(() => resolve(BACK)),
        picker.onDidHide(() => resolve(undefined)),
        picker.onDidChangeSelection(() => {
          touched = true;
        }),
        picker.onDidChangeValue((text) => {
          if (!typed) return;
          const own = typed(text);
          // Items keep their places: Enter names one by its place, and may come before a new list has arrived. The editor's filter does not
          // find 131,072 by 131072, so what was typed always shows, as its own entry or as the listed one.
          const at = own?.value === undefined ? -1 : listed.findIndex(({ value }) => value === own.value);
          const known = listed.map((item, index) => (index === at ? { ...item, alwaysShow: true } : item));
          const items = shown.list(own && at < 0 ? [...known, { ...own, alwaysShow: true }] : known);
          const active = items[at < 0 ? listed.length : at];
          if (active) picker.activeItems = [active];
        }),
        picker.onDidAccept(() => {
          const chosen = picker.selectedItems.flatMap(({ value }) => (value === undefined ? [] : [value]));
          // Enter may come before the list has followed what was typed.
          const own = chosen.length === 0 && !many ? typed?.(picker.value)?.value : undefined;
          const values = own === undefined ? chosen : [own];
          const result = resultOf(values);
          // Nothing chosen: the question stays.
          if (result !== undefined) resolve(result);
        }),
      );
      if (Symbol.asyncIterator in choices) {
        picker.busy = true;
        void (async () => {
          try {
            for await (const items of choices) {
              // Answered already: nothing more is looked for.
              if (closed) return;
              list(items);
            }
          } finally {
            picker.busy = false;
          }
        })();
      } else list(choices);
      picker.show();
    });
  } finally {
    closed = true;
    for (const disposable of owned) disposable.dispose();
  }
}

export interface TextQuestion {
  readonly title: string;
  readonly placeholder: string;
  /** Below the field. */
  readonly prompt: string;
  readonly place: Place;
  /** What stands in it at first. */
  readonly before: string;
  /** Why a text is no answer; null when it is one. */
  problem(text: string): string | null;
}

/** A text that is typed; Enter takes it only where it is an answer. */
export async function askText({
  title,
  placeholder,
  prompt,
  place,
  before,
  problem,
}: TextQuestion): Promise<string | typeof BACK | undefined> {
  const field = createField(title, placeholder, prompt);
  const input = field.widget;
  const owned: Disposable[] = [field];
  input.value = before;
  input.ignoreFocusOut = true;
  if (place.steps > 1) [input.step, input.totalSteps] = [place.step, place.steps];
  if (place.step > 1) input.buttons = [QuickInputButtons.Back];
  const check = (): boolean => {
    const wrong = problem(input.value);
    field.problem(wrong ?? undefined);
    return wrong === null;
  };
  try {
    return await new Promise<string | typeof BACK | undefined>((resolve) => {
      owned.push(
        input.onDidTriggerButton(() => resolve(BACK)),
        input.onDidHide(() => resolve(undefined)),
        input.onDidChangeValue(check),
        input.onDidAccept(() => {
          if (check()) resolve(input.value);
        }),
      );
      input.show();
    });
  } finally {
    for (const disposable of owned) disposable.dispose();
  }
}

/** A question that stands alone. */
export const ONLY: Place = { step: 1, steps: 1 };
