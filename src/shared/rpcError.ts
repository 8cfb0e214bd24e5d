/** Errors that travel: a code to act on, a message to show. */

import { visible } from '../model/visibleText';

const RPC_ERROR_CODES = [
  /** The caller gave up. */
  'cancelled',
  /** A newer call with the same key took its place. */
  'superseded',
  /** It took longer than the caller allowed. */
  'deadline',
  /** The other side refuses for now. */
  'busy',
  /** It was made for a state that has passed: a document that has moved on. */
  'conflict',
  /** The parameters are not what the method takes. */
  'invalidInput',
  /** It would need more memory than it may take; refused before allocating. */
  'tooLarge',
  /** A device, engine or process that it needs is not there. */
  'unavailable',
  /** The process that worked on it ended. */
  'crashed',
  'unknownMethod',
  /** This side was closed. */
  'disposed',
  'internal',
] as const;
export type RpcErrorCode = (typeof RPC_ERROR_CODES)[number];

const NAME = 'RpcError';
/** Longer messages are cut: they may quote what came from a file. Characters. */
const MOST_MESSAGE = 4000;

export class RpcError extends Error {
  override readonly name = NAME;
  constructor(
    readonly code: RpcErrorCode,
    message: string,
    /** Something the code's handler may need; survives the transport as plain data. */
    readonly detail?: unknown,
  ) {
    super(message);
  }
}

/**
 * Recognised by name and code, never by `instanceof`: each bundle has its own class, and errors of the compute client reach the panel
 * from another bundle.
 */
export function isRpcError(error: unknown): error is RpcError {
  if (typeof error !== 'object' || error === null) return false;
  const { name, code, message } = error as Partial<RpcError>;
  return name === NAME && isCode(code) && typeof message === 'string';
}

/** The call ended because nobody wants its answer any more: nothing to tell people about. */
export function isGivenUp(error: unknown): boolean {
  return isRpcError(error) && (['cancelled', 'superseded', 'disposed'] as RpcErrorCode[]).includes(error.code);
}

function isCode(code: unknown): code is RpcErrorCode {
  return (RPC_ERROR_CODES as readonly unknown[]).includes(code);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return visible(textOf(error).slice(0, MOST_MESSAGE));
}

function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    // Not everything has a text: objects without a prototype, lists of billions.
    return 'unknown error';
  }
}

/** The form of an error on the wire. */
interface WireError {
  readonly code: RpcErrorCode;
  readonly message: string;
  readonly detail?: unknown;
}

/** What a handler threw, for the wire. Only RpcErrors keep code and detail; no stack leaves the process. */
export function toWireError(error: unknown): WireError {
  const message = messageOf(error);
  if (!isRpcError(error)) return { code: 'internal', message };
  return { code: error.code, message, ...(error.detail === undefined ? {} : { detail: error.detail }) };
}

export function fromWireError(value: unknown): RpcError {
  const { code, message, detail } = (typeof value === 'object' && value !== null ? value : {}) as Partial<WireError>;
  const text = typeof message === 'string' ? messageOf(message) : 'unknown error';
  return isCode(code) ? new RpcError(code, text, detail) : new RpcError('internal', text);
}
