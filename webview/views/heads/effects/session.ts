/** What a model says next and what its heads do, as the page knows it: one question at a time, with progress, and what is there when it is cancelled. */

import type {
  AttributeResult,
  ChangeResult,
  ComposeResult,
  Effect,
  PatchResult,
  Recovery,
  Replacement,
} from '../../../../src/shared/effectsContract';
import type { Diversity, LensRead, NamedHeads, NextToken, Word } from '../../../../src/shared/lensContract';
import type { HeadSource, PanelMethods } from '../../../../src/shared/panelContract';
import type { CallOptions, MethodParams } from '../../../../src/shared/rpc';
import { RpcError } from '../../../../src/shared/rpcError';
import { elementAt } from '../../../../src/model/elementAt';
import type { Caller } from '../session';
import { parseIds } from '../tokenIds';
import { WorkSession, type WorkState } from '../workSession';

/** What is looked at: a source, and a prompt in its tokens. */
export interface Subject {
  readonly source: HeadSource;
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  /** Prompts are text; else token ids below `vocabulary`. */
  readonly text: boolean;
  readonly vocabulary: number;
}

type Tokens = Pick<Subject, 'ids' | 'pieces'>;

/** A sequence with the heads that were named on it. */
export interface NamedOn {
  /** Null: the prompt. */
  readonly repeated: number | null;
  readonly pieces: readonly string[];
  readonly found: NamedHeads;
}

export interface Compared {
  readonly source: HeadSource;
  readonly ids: readonly number[];
  readonly diversity: Diversity;
  /** Of its heads and groups, as far as they are there; null before they are asked for. */
  readonly map: EffectMap | null;
}

/** Effects of places, as far as they are there. */
export interface EffectMap {
  readonly effects: readonly Effect[];
  readonly left: number;
}

/** What is taken out, one by one: each head and each group, or each layer's attention and its MLP. */
export type AblatedParts = 'heads' | 'parts';

/** What a map was asked for. */
export interface MapQuestion {
  readonly what: AblatedParts;
  readonly by: Replacement;
  /** The prompt that values are taken from; empty where none is. */
  readonly other: string;
  /** The token whose logit is followed; empty: none. */
  readonly word: string;
}

export interface AblationMap extends EffectMap {
  readonly question: MapQuestion;
}

/** Places taken out together, and what is said before and after. */
export interface Changed extends ChangeResult {
  readonly question: Pick<MapQuestion, 'by' | 'other' | 'word'>;
  readonly places: readonly string[];
}

/** What of the clean prompt is put into the other one. */
export type PatchedParts = 'heads' | 'parts' | 'residual';

export interface Patched extends Omit<PatchResult, 'recoveries'>, Metric {
  readonly what: PatchedParts;
  readonly recoveries: readonly Recovery[];
  /** Of the corrupted prompt. */
  readonly pieces: readonly string[];
}

/** Of which token a logit is, less that of which. */
export interface Metric {
  readonly token: string;
  readonly against: string | null;
}

export interface Attributed extends AttributeResult, Metric {}

/** How much of what earlier heads write a head could read. */
export interface Composed extends ComposeResult {
  readonly layer: number;
  readonly head: number;
}

/** What is set up for the next question; it outlives the view. */
export interface EffectsForm {
  /** A token whose logit is followed; empty: the likeliest, or none. */
  readonly word: string;
  /** Whose logit is subtracted; empty: none. */
  readonly against: string;
  /** Another prompt: values are taken from it, or it is repaired. */
  readonly other: string;
  readonly what: AblatedParts;
  readonly by: Replacement;
  /** Places that are taken out together. */
  readonly together: string;
  readonly patched: PatchedParts;
  /** The head that reads. Null: one of the last layer. */
  readonly reader: { readonly layer: number; readonly head: number } | null;
  readonly temperature: number;
  readonly seed: number;
}

const EMPTY_FORM: EffectsForm = {
  word: '',
  against: '',
  other: '',
  what: 'heads',
  by: 'zero',
  together: '',
  patched: 'heads',
  reader: null,
  temperature: 0,
  seed: 0,
};

export interface EffectsState extends WorkState {
  readonly form: EffectsForm;
  readonly read: LensRead | null;
  /** Tokens that followed, each with what was seen of its step. */
  readonly steps: readonly NextToken[];
  readonly named: NamedOn | null;
  readonly compared: readonly Compared[];
  /** The map that the form asks for; the one before it where that is not there. */
  readonly map: AblationMap | null;
  readonly change: Changed | null;
  readonly attribution: Attributed | null;
  readonly patch: Patched | null;
  readonly composition: Composed | null;
}

const NOTHING: Omit<EffectsState, 'form'> = {
  running: null,
  failure: null,
  read: null,
  steps: [],
  named: null,
  compared: [],
  map: null,
  change: null,
  attribution: null,
  patch: null,
  composition: null,
};

/** Maps that stay, so that one can go back from a mean to zero. */
const MOST_MAPS = 8;
const KINDS = {
  heads: ['head', 'group'],
  parts: ['attention', 'mlp'],
} as const;
const PATCHED = { heads: ['head'], parts: ['attention', 'mlp'], residual: ['residual'] } as const;

/** Positions that are read at once: the last of the prompt. */
const MOST_READ = 48;
const TOP = 8;
/** The trained samples repeat what looks like their lists, and nothing else. */
const SAMPLE_FRAME = { before: 'List:', between: '. Again:' };

/** What a form asks of a map. */
export function questionOf({ what, by, other, word }: EffectsForm): MapQuestion {
  return { what, by, other: by === 'other' ? other : '', word };
}

export function sameQuestion(a: MapQuestion, b: MapQuestion): boolean {
  return a.what === b.what && a.by === b.by && a.other === b.other && a.word === b.word;
}

export class EffectsSession extends WorkSession<EffectsState> {
  private maps: readonly AblationMap[] = [];
  private of: Subject | null = null;

  constructor(private readonly host: Caller) {
    super({ ...NOTHING, form: EMPTY_FORM });
  }

  /** Another model or prompt has other answers. */
  follow(subject: Subject): void {
    const { of } = this;
    if (of !== null && of.source.id === subject.source.id && same(of.ids, subject.ids)) return;
    this.cancel();
    const { source, prompt, ids, pieces, text, vocabulary } = subject;
    // Not the whole result, which has the numbers of a layer.
    this.of = { source, prompt, ids, pieces, text, vocabulary };
    this.maps = [];
    this.update(NOTHING);
  }

  /** Sets up what is asked next. A map that is there already is shown. */
  set(change: Partial<EffectsForm>): void {
    const form = { ...this.current.form, ...change };
    const known = this.mapFor(form);
    this.update({ form, ...(known && { map: known }) });
  }

  private mapFor(form: EffectsForm): AblationMap | undefined {
    return this.maps.find(({ question }) => sameQuestion(question, questionOf(form)));
  }

  /** The logit lens at the last positions; the last state of it is what the model says; with the rank of the form's token. */
  readNext(): Promise<void> {
    return this.asking('Next token', async (options, subject, form) => {
      const { source, ids } = subject;
      const first = Math.max(0, ids.length - MOST_READ);
      const positions = Array.from({ length: ids.length - first }, (_, at) => first + at);
      const tokens = (await this.followed(options, subject, form)).map(({ id }) => id);
      const read = await this.host.call('lens/read', { source: source.id, ids, positions, top: TOP, tokens }, options);
      this.update({ read });
    });
  }

  /** So many more tokens, each on the cache of those before. */
  grow(count: number): Promise<void> {
    return this.asking('Token by token', async (options, { source, ids }, { temperature, seed }) => {
      for (let at = 0; at < count; at++) {
        const { steps } = this.current;
        if (steps.at(-1)?.chosen.ends === true) return;
        this.progress(`token ${at + 1} of ${count}`, at / count);
        const next = await this.host.call(
          'lens/next',
          {
            source: source.id,
            ids: [...ids, ...steps.map(({ chosen }) => chosen.id)],
            top: TOP,
            temperature,
            topK: null,
            topP: null,
            seed,
          },
          { ...options, onProgress: () => undefined },
        );
        this.update({ steps: [...steps, next] });
      }
    });
  }

  beginAgain(): void {
    this.cancel();
    this.update({ steps: [] });
  }

  /** @param repeated Tokens of a random sequence that comes twice; null: on the prompt. */
  name(repeated: number | null): Promise<void> {
    return this.asking('Named heads', async (options, { source, ids, pieces }) => {
      const frame = source.origin === 'sample' ? SAMPLE_FRAME : { before: '', between: '' };
      const on =
        repeated === null
          ? { ids, pieces }
          : await this.host.call('lens/repeated', { source: source.id, length: repeated, seed: 1, ...frame }, options);
      const found = await this.host.call('lens/heads', { source: source.id, ids: on.ids }, options);
      this.update({ named: { repeated, pieces: on.pieces, found } });
    });
  }

  /** How different heads are, of this model and of others for the same text. */
  compare(others: readonly HeadSource[]): Promise<void> {
    return this.asking('Designs', async (options, { source, ids, prompt }) => {
      this.update({ compared: [] });
      for (const each of [source, ...others.filter(({ id }) => id !== source.id)]) {
        const own =
          each.id === source.id
            ? ids
            : (await this.host.call('heads/tokens', { source: each.id, text: prompt }, options)).ids;
        const diversity = await this.host.call('lens/diversity', { source: each.id, ids: own }, options);
        this.update({ compared: [...this.current.compared, { source: each, ids: own, diversity, map: null }] });
      }
    });
  }

  /** The whole map that the form asks for, place by place; goes on where it was cancelled. */
  ablate(): Promise<void> {
    return this.asking('Ablate', async (options, subject, form) => {
      const { source, ids } = subject;
      const question = questionOf(form);
      const known = this.mapFor(form);
      const asked = {
        kinds: KINDS[question.what],
        by: question.by,
        other: question.by === 'other' ? (await this.other(options, subject, form)).ids : null,
        tokens: (await this.followed(options, subject, form)).map(({ id }) => id),
      };
      await this.mapOf({ source, ids, map: known ?? null }, asked, options, (map) => {
        const found = { ...map, question };
        const rest = this.maps.filter((each) => !sameQuestion(each.question, question));
        this.maps = [found, ...rest].slice(0, MOST_MAPS);
        // Somebody who looks at another one meanwhile is left there.
        this.update({ map: this.mapFor(this.current.form) ?? found });
      });
    });
  }

  /** The form's places, all at once. */
  ablateTogether(): Promise<void> {
    return this.asking('Ablate', async (options, subject, form) => {
      const { source, ids } = subject;
      const { together, by, other, word } = form;
      const places = together.split(/[\s,;]+/).filter((place) => place !== '');
      if (places.length === 0)
        throw new RpcError(
          'invalidInput',
          'Name places, such as 3.5 for head 5 of layer 3, 3.group1, 3.attention or 3.mlp.',
        );
      const found = await this.host.call(
        'effects/change',
        {
          source: source.id,
          ids,
          places,
          by,
          other: by === 'other' ? (await this.other(options, subject, form)).ids : null,
          tokens: (await this.followed(options, subject, form)).map(({ id }) => id),
        },
        options,
      );
      this.update({ change: { ...found, places, question: { by, other, word } } });
    });
  }

  /** The effects of heads and groups of every design that is compared. */
  ablateDesigns(): Promise<void> {
    return this.asking('Designs', async (options) => {
      const asked = { kinds: KINDS.heads, by: 'zero' as const, other: null, tokens: [] };
      for (const at of this.current.compared.keys())
        await this.mapOf(elementAt(this.current.compared, at), asked, options, (map) =>
          this.update({
            compared: this.current.compared.map((each, index) => (index === at ? { ...each, map } : each)),
          }),
        );
    });
  }

  private async mapOf(
    { source, ids, map }: Pick<Compared, 'source' | 'ids' | 'map'>,
    asked: Pick<MethodParams<PanelMethods, 'effects/map'>, 'kinds' | 'by' | 'other' | 'tokens'>,
    options: CallOptions,
    found: (map: EffectMap) => void,
  ): Promise<void> {
    let all = map?.effects ?? [];
    for (let missing = map?.left ?? 1; missing > 0; ) {
      const known = all.map(({ place }) => place);
      const { effects, left } = await this.host.call(
        'effects/map',
        { source: source.id, ids, known, ...asked },
        options,
      );
      all = [...all, ...effects];
      found({ effects: all, left });
      if (effects.length === 0) return;
      missing = left;
      this.progress(`${source.label}: ${all.length} of ${all.length + left}`, all.length / (all.length + left));
    }
  }

  /** Attributes the logit of the form's token after the last position, or of the likeliest; minus that of the other, where it is named. */
  attribute(): Promise<void> {
    return this.asking('Attribution', async (options, subject, form) => {
      const { source, ids } = subject;
      const { against } = form;
      const [named] = await this.followed(options, subject, form);
      const token = named ?? (await this.likeliest(source, ids, options));
      const rival = against === '' ? null : await this.token(against, options, subject);
      const metric = metricOf(token, rival);
      const found = await this.host.call(
        'effects/attribute',
        { source: source.id, ids, position: null, ...metric.ids, bySource: true },
        options,
      );
      this.update({ attribution: { ...found, ...metric.words } });
    });
  }

  /**
   * What of the prompt brings the form's other prompt back, which has as many tokens: in the logit of the form's token, less that of the one
   * it stands against. Where neither is named, what the prompt makes likeliest against what the other one does.
   */
  patch(): Promise<void> {
    return this.asking('Patch', async (options, subject, form) => {
      const { source, ids } = subject;
      const { patched: what, against } = form;
      const other = await this.other(options, subject, form, 'corrupted');
      if (other.ids.length !== ids.length)
        throw new RpcError(
          'invalidInput',
          `The clean prompt has ${ids.length} tokens and the corrupted one ${other.ids.length}: patches need as many in both.`,
        );
      const [named] = await this.followed(options, subject, form);
      const token = named ?? (await this.likeliest(source, ids, options));
      const rival =
        against !== ''
          ? await this.token(against, options, subject)
          : named === undefined
            ? await this.likeliest(source, other.ids, options)
            : null;
      const metric = metricOf(token, rival);
      const asked = { source: source.id, clean: ids, corrupted: other.ids, kinds: PATCHED[what], ...metric.ids };
      let recoveries: readonly Recovery[] = [];
      for (;;) {
        const known = recoveries.map(({ place }) => place);
        const part = await this.host.call('effects/patch', { ...asked, known }, options);
        recoveries = [...recoveries, ...part.recoveries];
        this.update({ patch: { ...part, ...metric.words, what, recoveries, pieces: other.pieces } });
        if (part.left === 0 || part.recoveries.length === 0) return;
        this.progress(
          `${recoveries.length} of ${recoveries.length + part.left}`,
          recoveries.length / (recoveries.length + part.left),
        );
      }
    });
  }

  /** How much of what earlier heads write the reader could read, by the weights alone. */
  compose(layer: number, head: number): Promise<void> {
    return this.asking('Composition', async (options, { source }) => {
      const found = await this.host.call('effects/compose', { source: source.id, layer, head }, options);
      this.update({ composition: { ...found, layer, head } });
    });
  }

  private async likeliest(source: HeadSource, ids: readonly number[], options: CallOptions): Promise<Word> {
    const asked = { source: source.id, ids, top: 1, temperature: 0, topK: null, topP: null, seed: 0 };
    const { chosen, words } = await this.host.call('lens/next', asked, options);
    return words.find(({ id }) => id === chosen.id) ?? { id: chosen.id, piece: `#${chosen.id}` };
  }

  /** The form's token; none where it names none. */
  private async followed(options: CallOptions, subject: Subject, { word }: EffectsForm): Promise<readonly Word[]> {
    return word === '' ? [] : [await this.token(word, options, subject)];
  }

  /** The last token of a text: those before it are what the model begins every text with. */
  private async token(word: string, options: CallOptions, { source, text, vocabulary }: Subject): Promise<Word> {
    if (!text) {
      const [id, ...more] = parseIds(word, vocabulary);
      if (id !== undefined && more.length === 0) return { id, piece: `#${id}` };
      throw new RpcError('invalidInput', `“${word}” is ${1 + more.length} tokens: give the id of one.`);
    }
    const begun = await this.host.call('heads/tokens', { source: source.id, text: '' }, options);
    const { ids, pieces } = await this.host.call('heads/tokens', { source: source.id, text: word }, options);
    const own = ids.slice(begun.ids.length);
    const [id] = own;
    if (id !== undefined && own.length === 1) return { id, piece: pieces.at(-1) ?? word };
    throw new RpcError(
      'invalidInput',
      `“${word}” is ${own.length} tokens in this model: give one, with its leading space if it has one.`,
    );
  }

  /** The form's other prompt in tokens. */
  private async other(
    options: CallOptions,
    { source, text, vocabulary }: Subject,
    { other }: EffectsForm,
    called: 'other' | 'corrupted' = 'other',
  ): Promise<Tokens> {
    if (other.trim() === '') throw new RpcError('invalidInput', `Type the ${called} prompt first.`);
    if (text) return this.host.call('heads/tokens', { source: source.id, text: other }, options);
    const ids = parseIds(other, vocabulary);
    return { ids, pieces: ids.map((id) => `#${id}`) };
  }

  /** @param work Of the subject and the form as they are now: what is typed meanwhile asks nothing. */
  private asking(
    where: string,
    work: (options: CallOptions, subject: Subject, form: EffectsForm) => Promise<void>,
  ): Promise<void> {
    const {
      of,
      current: { form },
    } = this;
    return of === null ? Promise.resolve() : this.working(where, (options) => work(options, of, form));
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}

/** A token against itself is no difference. */
function metricOf(
  token: Word,
  rival: Word | null,
): { readonly ids: { readonly token: number; readonly against: number | null }; readonly words: Metric } {
  const against = rival === null || rival.id === token.id ? null : rival;
  return {
    ids: { token: token.id, against: against?.id ?? null },
    words: { token: token.piece, against: against?.piece ?? null },
  };
}
