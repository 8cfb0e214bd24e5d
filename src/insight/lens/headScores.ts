/**
 * Heads by what they do. Each score is a mean over the queries that can do it at all, so that a prompt with few repetitions gives the same
 * score as one with many; a name is given from a threshold on. Where each formula and threshold comes from is said in `NAMES`.
 */

import { elementAt } from '../../model/elementAt';

export const HEAD_NAMES = ['previousToken', 'duplicateToken', 'induction', 'sink', 'copySuppression'] as const;
export type HeadName = (typeof HEAD_NAMES)[number];

export interface NameRule {
  /** For people. */
  readonly label: string;
  /** What is measured, in a sentence. */
  readonly measures: string;
  /** From this score on a head has the name. */
  readonly threshold: number;
  /** Of formula and threshold. */
  readonly source: string;
}

export const NAMES: Readonly<Record<HeadName, NameRule>> = {
  previousToken: {
    label: 'previous-token head',
    measures: 'mean weight on the token before the query',
    threshold: 0.4,
    source:
      'formula: Olsson et al. 2022 (arXiv 2209.11895); threshold: ARENA, “Intro to Mechanistic Interpretability”, prev_attn_detector',
  },
  duplicateToken: {
    label: 'duplicate-token head',
    measures: 'mean weight on earlier copies of the query’s own token, over queries that have one',
    threshold: 0.4,
    source: 'formula: Wang et al. 2022 (arXiv 2211.00593); threshold: that of ARENA’s other detectors',
  },
  induction: {
    label: 'induction head',
    measures:
      'mean weight on the token after an earlier copy of the query’s own token (prefix matching), over queries that have one',
    threshold: 0.4,
    source:
      'formula: Olsson et al. 2022 (arXiv 2209.11895), prefix matching score; threshold: ARENA, induction_attn_detector',
  },
  sink: {
    label: 'sink head',
    measures: 'mean weight on the first token, over all other queries',
    threshold: 0.3,
    source: 'formula and threshold: Gu et al. 2024 (arXiv 2410.10781), ε = 0.3',
  },
  copySuppression: {
    label: 'copy-suppression head',
    measures:
      'of the weight on earlier tokens (the first apart), the share on tokens whose own logit the head lowers more than all but 9 others',
    threshold: 0.5,
    source:
      'formula: McDougall et al. 2023 (arXiv 2310.04625), section 3.1: tokens among the 10 most suppressed by the OV circuit, 84.7 % for L10H7 of GPT-2 small; the threshold of one half is ours',
  },
};

/** A weight that speaks for a name. */
export interface Edge {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
}

/** Of one head; null where no query of the prompt can show it, or it was not measured. */
export type HeadScores = Readonly<Record<HeadName, number | null>>;

export interface ScoredHead {
  readonly scores: HeadScores;
  /** The strongest of each name, falling. */
  readonly evidence: Readonly<Record<HeadName, readonly Edge[]>>;
  /** Weight on each key from later queries, the first key apart: what `copySuppression` is a share of. */
  readonly received: Float64Array;
}

/** Of each name. */
const MOST_EDGES = 3;

type Pattern = Exclude<HeadName, 'copySuppression'>;

/** Takes a head's rows of attention in order. */
export class HeadScorer {
  private query = 0;
  private readonly places = new Map<number, number[]>();
  private readonly sums: Record<Pattern, number> = { previousToken: 0, duplicateToken: 0, induction: 0, sink: 0 };
  private readonly counts: Record<Pattern, number> = { previousToken: 0, duplicateToken: 0, induction: 0, sink: 0 };
  private readonly edges: Record<Pattern, Edge[]> = { previousToken: [], duplicateToken: [], induction: [], sink: [] };
  private readonly received: Float64Array;

  /** @param firstSeen The first key that a query sees: copies before it cannot be looked at, and do not count against the head. */
  constructor(
    private readonly tokens: readonly number[],
    private readonly firstSeen: (query: number) => number = () => 0,
  ) {
    this.received = new Float64Array(tokens.length);
  }

  /** Entries behind the query are not read. */
  addRow(row: ArrayLike<number>): void {
    const query = this.query++;
    const first = this.firstSeen(query);
    const token = elementAt(this.tokens, query);
    let places = this.places.get(token);
    if (places === undefined) this.places.set(token, (places = []));
    if (query > 0) {
      // The first of a chunk sees itself alone.
      if (first < query) this.take('previousToken', row, query, [query - 1]);
      if (first === 0) this.take('sink', row, query, [0]);
      for (let key = Math.max(1, first); key < query; key++)
        this.received[key] = elementAt(this.received, key) + (row[key] as number);
    }
    const copies = places.filter((place) => place >= first);
    const after = places.map((place) => place + 1).filter((place) => place >= first && place < query);
    if (copies.length > 0) this.take('duplicateToken', row, query, copies);
    if (after.length > 0) this.take('induction', row, query, after);
    places.push(query);
  }

  result(): Omit<ScoredHead, 'scores' | 'evidence'> & {
    readonly scores: Readonly<Record<Pattern, number | null>>;
    readonly evidence: Readonly<Record<Pattern, readonly Edge[]>>;
  } {
    const score = (name: Pattern): number | null =>
      this.counts[name] === 0 ? null : this.sums[name] / this.counts[name];
    return {
      scores: {
        previousToken: score('previousToken'),
        duplicateToken: score('duplicateToken'),
        induction: score('induction'),
        sink: score('sink'),
      },
      evidence: this.edges,
      received: this.received,
    };
  }

  private take(name: Pattern, row: ArrayLike<number>, query: number, keys: readonly number[]): void {
    this.counts[name]++;
    for (const key of keys) {
      const weight = row[key] as number;
      this.sums[name] += weight;
      keepLargest(this.edges[name], { query, key, weight });
    }
  }
}

function keepLargest(edges: Edge[], edge: Edge): void {
  let at = edges.length;
  while (at > 0 && edge.weight > (edges[at - 1]?.weight ?? Infinity)) at--;
  if (at >= MOST_EDGES) return;
  edges.splice(at, 0, edge);
  if (edges.length > MOST_EDGES) edges.pop();
}

/** What a head writes when it looks at one key: its place among all tokens by how far their logits are lowered. */
export interface Written {
  readonly key: number;
  /** Tokens whose logit is lowered more than that of the key's own token. */
  readonly lower: number;
}

/** Tokens that count as suppressed: McDougall et al. look at the ten most suppressed ones. */
const MOST_SUPPRESSED = 10;

/**
 * The share of the weight on these keys that suppresses their own tokens; null where the head looks at none of them.
 * @param received Weight on each key.
 */
export function copySuppression(
  received: Float64Array,
  written: readonly Written[],
): { readonly score: number | null; readonly evidence: readonly Edge[] } {
  let [suppressed, all] = [0, 0];
  const evidence: Edge[] = [];
  for (const { key, lower } of written) {
    const weight = elementAt(received, key);
    all += weight;
    if (lower >= MOST_SUPPRESSED) continue;
    suppressed += weight;
    keepLargest(evidence, { query: key, key, weight });
  }
  return { score: all > 0 ? suppressed / all : null, evidence };
}

/** Names whose threshold a head's scores reach, the highest score first. */
export function namesOf(scores: HeadScores): readonly HeadName[] {
  const found = HEAD_NAMES.flatMap((name) => {
    const { [name]: score } = scores;
    return score !== null && score >= NAMES[name].threshold ? [{ name, score }] : [];
  });
  return found.toSorted((a, b) => b.score - a.score).map(({ name }) => name);
}
