// What goes over the socket between a spec and the extension host: one request, one reply, both JSON.
export interface BridgeRequest {
  /** The source of a function of (vscode, argument). */
  source: string;
  argument: unknown;
}

export type BridgeReply = { value?: unknown } | { error: string };
