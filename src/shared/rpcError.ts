/** Errors that travel: a code to act on, a message to show. */

export const RPC_ERROR_CODES = [
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

export class RpcError extends Error {
  override readonly name = 'RpcError';
  constructor(
    readonly code: RpcErrorCode,
    message: string,
    /** Something the code's handler may need; survives the transport as plain data. */
    readonly detail?: unknown,
  ) {
    super(message);
  }
}

/** The form of an error on the wire. */
export interface WireError {
  readonly code: RpcErrorCode;
  readonly message: string;
  readonly detail?: unknown;
}

/** What a handler threw, for the wire. Only RpcErrors keep code and detail; no stack leaves the process. */
export function toWireError(error: unknown): WireError {
  if (error instanceof RpcError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

export function fromWireError(value: unknown): RpcError {
  const { code, message, detail } = (typeof value === 'object' && value !== null ? value : {}) as Partial<WireError>;
  const known = RPC_ERROR_CODES.find((candidate) => candidate === code);
  return new RpcError(known ?? 'internal', typeof message === 'string' ? message : 'unknown error', detail);
}
