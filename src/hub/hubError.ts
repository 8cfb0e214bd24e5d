/** What goes wrong between here and the Hub: what happened, and what to do about it. Neither names a token. */

import { visibleUpTo } from '../model/visibleText';

/** - offline: no answer at all; - refused: an answer that must not be used (too long, another host, no range) */
export type HubErrorKind =
  | 'gated'
  | 'unauthorised'
  | 'notFound'
  | 'noRevision'
  | 'noFile'
  | 'rateLimited'
  | 'server'
  | 'offline'
  | 'refused'
  | 'changed'
  | 'cancelled';

export class HubError extends Error {
  override readonly name = 'HubError';
  constructor(
    readonly kind: HubErrorKind,
    /** A sentence. */
    problem: string,
    /** What the user can do, as a sentence. */
    readonly fix: string,
  ) {
    super(problem);
  }
}

/** Names that are shown: they may come from an answer. */
export function shownName(text: string): string {
  return visibleUpTo(200, text);
}

/** How a person says whom models are asked of, and as whom: what advice names. */
export interface HubWays {
  /** After "Check". */
  readonly endpoint: string;
  /** Where a token is given. */
  readonly token: string;
}

/** As in Python. */
export const ENVIRONMENT_WAYS: HubWays = { endpoint: 'HF_ENDPOINT', token: '“hf auth login”, or HF_TOKEN' };

/** What an answer says beside its status. `X-Error-Code` as the Hub writes it. */
export interface Refusal {
  readonly status: number;
  readonly errorCode: string | null;
  readonly retryAfterSeconds: number | null;
  readonly hasToken: boolean;
  /** "org/name", or a file of it. */
  readonly what: string;
  /** "org/name": its page is where access is asked for. */
  readonly repo: string;
  /** Host of the endpoint, for the addresses in the advice. */
  readonly endpoint: string;
  readonly ways: HubWays;
}

/**
 * An answer that is no success, in words. The Hub answers 401 for a repository that does not exist where nobody is logged in, so that private
 * names stay unknown: `hf_raise_for_status` of `huggingface_hub/utils/_http.py` reads it the same way.
 */
export function refusal({
  status,
  errorCode,
  retryAfterSeconds,
  hasToken,
  what,
  repo,
  endpoint,
  ways,
}: Refusal): HubError {
  const name = shownName(what);
  const page = `${endpoint}/${shownName(repo)}`;
  if (errorCode === 'GatedRepo')
    return new HubError(
      'gated',
      `${name} is gated: its authors grant access on request, or once you accept their terms.`,
      hasToken
        ? `Ask for access at ${page} with the account that your token belongs to.`
        : `Ask for access at ${page}, then give the token of that account (${ways.token}).`,
    );
  if (errorCode === 'RevisionNotFound')
    return new HubError('noRevision', `${name} has no such revision.`, `Look up its branches at ${page}/refs.`);
  if (errorCode === 'EntryNotFound')
    return new HubError('noFile', `${name} is not there.`, 'Check the name of the file.');
  if (status === 429)
    return new HubError(
      'rateLimited',
      `The Hub accepts no more requests from this machine for now${retryAfterSeconds === null ? '' : ` (${retryAfterSeconds} s)`}.`,
      hasToken ? 'Try again later.' : 'Try again later; with a token the limits are higher.',
    );
  if (status === 404 || errorCode === 'RepoNotFound' || (status === 401 && !hasToken))
    return new HubError(
      'notFound',
      `${name} was not found.`,
      hasToken
        ? 'Check the name; a private model needs a token that has the right to read it.'
        : `Check the name; a private model needs a token (${ways.token}).`,
    );
  if (status === 401 || status === 403)
    return new HubError(
      'unauthorised',
      `The token has no right to read ${name}.`,
      `Give it the right to read this model, or use another (${ways.token}).`,
    );
  if (status >= 500)
    return new HubError('server', `The Hub has a problem (status ${status}).`, 'Try again in a few minutes.');
  return new HubError('refused', `The Hub answered ${name} with status ${status}.`, 'Check the name, and try again.');
}
