/** The sample models: what MHA, GQA, MQA and MLA came to that were trained alike. Read from the `results.json` that their training wrote. */

export interface Sibling {
  /** Its folder: "gqa". */
  readonly name: string;
  /** "GQA-2" */
  readonly design: string;
  readonly latent: boolean;
  /** Numbers cached of a token in one layer. */
  readonly cachedPerToken: number;
  /** On text that it was not trained on, nats a token. */
  readonly heldOutLoss: number;
  readonly parameters: number;
}

/** In the order of the file; empty where it is not as training writes it. */
export function siblingsOf(text: string): readonly Sibling[] {
  const { models } = recordOf(parsed(text));
  return Object.entries(recordOf(models)).flatMap(([name, result]): readonly Sibling[] => {
    const { design, cachedValuesPerTokenAndLayer, heldOutLoss, parameters } = recordOf(result);
    return typeof design === 'string' &&
      isCount(cachedValuesPerTokenAndLayer) &&
      isCount(heldOutLoss) &&
      isCount(parameters)
      ? [
          {
            name,
            design,
            latent: name === 'mla',
            cachedPerToken: cachedValuesPerTokenAndLayer,
            heldOutLoss,
            parameters,
          },
        ]
      : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
